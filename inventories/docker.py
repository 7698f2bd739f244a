"""A Docker engine, three containers on one network: S9, `pyinfra -y THIS_FILE deploys/docker.py`

    d0 198.18.204.10    lan 172.30.0.0/24: web .11 (host port 8080), two .12, three .13

The image is a busybox that was imported from a tar, and one built on top of it.
"""

from netwright.lab import lab
from netwright.lab.busybox import tarball

_SERVE = ["/bin/httpd", "-f", "-p", "80", "-h", "/www"]

docker = (
    lab(__file__, subnet="198.18.204.0/24", hosts={"d0": {}}, packages=("docker.io",)),
    {
        "docker": {
            "daemon": {"live-restore": True, "log-opts": {"max-size": "10m", "max-file": "3"}},
            "users": ["admin"],
            "networks": {"lan": {"subnet": "172.30.0.0/24", "gateway": "172.30.0.1"}},
            "images": {
                "busybox": {"tar": str(tarball())},
                "pages": {
                    "dockerfile": "FROM busybox\nRUN echo 'a page' >/www/index.html\n"
                    'CMD ["/bin/httpd", "-f", "-h", "/www"]\n'
                },
            },
            "containers": {
                "web": {
                    "image": "pages",
                    "network": "lan",
                    "address": "172.30.0.11",
                    "ports": ["8080:80"],
                },
                "two": {
                    "image": "busybox",
                    "command": _SERVE,
                    "network": "lan",
                    "address": "172.30.0.12",
                },
                "three": {
                    "image": "busybox",
                    "command": _SERVE,
                    "network": "lan",
                    "address": "172.30.0.13",
                },
            },
        }
    },
)
