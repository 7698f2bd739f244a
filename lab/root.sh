#!/bin/sh
# Makes a Debian root directory a lab host's; mmdebstrap calls it: root.sh ROOT
set -eu
root=$1

# The addresses and names are the host's own, so are its keys: written when a host is made.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/resolv.conf"
: >"$root/etc/machine-id"

chroot "$root" useradd --create-home --shell /bin/bash --user-group --uid 1000 admin
mkdir -p "$root/etc/sudoers.d" "$root/etc/ssh/sshd_config.d" \
    "$root/etc/systemd/system/ssh.service.d" "$root/etc/systemd/journald.conf.d"
echo 'admin ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/admin"
chmod 0440 "$root/etc/sudoers.d/admin"

# No name to wait for; and parallel test runs open more sessions at once than sshd's defaults allow.
cat >"$root/etc/ssh/sshd_config.d/lab.conf" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
UseDNS no
GSSAPIAuthentication no
PasswordAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
PrintLastLog no
MaxStartups 200
MaxSessions 200
END
# An answer on port 22 then means that ordinary users may log in as well.
printf '[Unit]\nAfter=systemd-user-sessions.service\n' \
    >"$root/etc/systemd/system/ssh.service.d/lab.conf"
printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/lab.conf"

# Nobody sits at the console; the machine's kernel, its debug files and modules are not the host's;
# nothing is to be downloaded or cleaned behind a test's back.
for unit in console-getty.service getty.target \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer systemd-tmpfiles-clean.timer \
    dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-fs-fuse-connections.mount \
    modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service \
    modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service \
    ipvsadm.service systemd-update-utmp.service systemd-update-utmp-runlevel.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# Rules of udev for disks, sound, input and the like: on an emulated machine each rule file costs time
# at each link that is made. Those for links stay, with what they do to names and parameters.
mkdir -p "$root/etc/udev/rules.d"
for rule in "$root"/lib/udev/rules.d/*; do
    case ${rule##*/} in
    50-udev-default.rules | 60-drm.rules | *-net-*.rules | 80-drivers.rules | 99-systemd.rules) ;;
    *) ln -s /dev/null "$root/etc/udev/rules.d/${rule##*/}" ;;
    esac
done
mkdir -p "$root/etc/systemd/system/systemd-udev-trigger.service.d"
cat >"$root/etc/systemd/system/systemd-udev-trigger.service.d/lab.conf" <<'END'
[Service]
ExecStart=
ExecStart=udevadm trigger --type=devices --action=add --subsystem-match=net \
    --subsystem-match=block --subsystem-match=virtio-ports
END
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"

# A way in without the network, for virtual machines: over a serial line, a session at a time, see
# line.py. The kernel has no way to wait for the other end of the line, so it is asked each second.
cat >"$root/usr/local/sbin/lab-shell" <<'END'
#!/bin/sh
until [ -e /dev/virtio-ports/netwright.shell ]; do sleep 1; done
exec 3<>/dev/virtio-ports/netwright.shell
while :; do
    IFS= read -r word <&3 || sleep 1
    case $word in
    "hello "*) echo "$word" >&3 ;;
    go)
        # sshd would poll the line, and was seen to wait for ever: cat reads and writes it blocking.
        # The end of this shell ends the service, and so the cat that still reads.
        mkfifo /run/lab-shell.$$
        cat <&3 >/run/lab-shell.$$ &
        /usr/sbin/sshd -i -oLoginGraceTime=0 </run/lab-shell.$$ | cat >&3
        rm /run/lab-shell.$$
        exit
        ;;
    esac
done
END
chmod +x "$root/usr/local/sbin/lab-shell"
cat >"$root/etc/systemd/system/lab-shell.service" <<'END'
[Unit]
ConditionVirtualization=vm
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/sbin/lab-shell
Restart=always
RestartSec=0
StandardError=journal
[Install]
WantedBy=multi-user.target
END
ln -s /etc/systemd/system/lab-shell.service \
    "$root/etc/systemd/system/multi-user.target.wants/lab-shell.service"
