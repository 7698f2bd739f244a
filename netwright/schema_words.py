"""What editors say of each key of a declaration; of a kind's options, iproute2's words will do."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["WORDS"]

_ABSENT = "absent removes it."

_BY_MODEL: Mapping[str, Mapping[str, str]] = {
    "NetworkState": {
        "modules": "Kernel modules, loaded now and at boot; built-in counts as loaded.",
        "netns": "Namespaces by name. Each has everything that a host has, but modules and netns.",
        "checks": "What must be true of packets; run by the verification, not by a deploy.",
    },
    "Namespace": {
        "sysctl": "Kernel parameters, like net.ipv4.ip_forward: 1; now and at boot.",
        "links": "Links by name, one by one: what is not named is not managed.",
        "routes": "Routes, entry by entry.",
        "rules": "Policy rules, entry by entry.",
        "neighbours": "Permanent and proxy neighbours, entry by entry.",
        "ipsets": "Sets by name.",
        "iptables": "Table -> chain -> rules of IPv4, in iptables' own syntax.",
        "ip6tables": "Table -> chain -> rules of IPv6, in ip6tables' own syntax.",
        "state": "absent removes the namespace with all that is in it.",
    },
    "Link": {
        "kind": "What it is. Left out for a link that is there already.",
        "state": f"up (default) or down; {_ABSENT}",
        "mtu": "In bytes.",
        "mac": "Its MAC address, like 02:00:00:00:00:01.",
        "promisc": "Whether it takes every frame.",
        "txqueuelen": "Length of its transmit queue, in packets.",
        "addresses": "All of its addresses, like 172.16.0.1/24; others are removed.",
        "master": "The bridge (or other master) that it is a port of; '' for none.",
        "port": "What it is like as a bridge's port.",
        "ipv4": "Its parameters under net.ipv4.conf, like rp_filter: 0.",
        "ipv6": "Its parameters under net.ipv6.conf, like disable_ipv6: 1.",
        "link_netns": "The namespace of the link that it stands on, if another; host: the host's.",
    },
    "Veth": {"peer": "The other end. Declaring one end makes both."},
    "Peer": {
        "name": "The other end's name.",
        "netns": "The other end's namespace; left out: the same; host: the host's own.",
    },
    "PortVlan": {
        "vid": "The VLAN, 1 to 4094, or a range like 10-20.",
        "pvid": "Whether untagged frames go there as they come in.",
        "untagged": "Whether frames go out without a tag.",
    },
    "Port": {"vlans": "All of its VLANs, on a bridge with vlan_filtering; see bridge(8)."},
    "Bridge": {"vlans": "All VLANs of the bridge itself; those of its ports stand there."},
    "Vlan": {
        "link": "The link that carries it.",
        "ingress_qos_map": "FROM:TO, from the tag's priority to the packet's; all of them.",
        "egress_qos_map": "FROM:TO, from the packet's priority to the tag's; all of them.",
    },
    "Vxlan": {"fdb": "All permanent entries: where frames for which MAC address go."},
    "Fdb": {
        "mac": "The frames' destination; 00:00:00:00:00:00: what goes everywhere.",
        "dst": "The address of the other end.",
        "port": "Its UDP port, if another than dstport.",
        "vni": "Its network identifier, if another than id.",
        "via": "The link to send by.",
    },
    "Wireguard": {
        "private_key_file": "A file on the host, as `wg genkey` makes it.",
        "listen_port": "The UDP port; the kernel's choice when left out.",
        "fwmark": "The mark of what it sends; 0 for none.",
        "peers": "All peers.",
    },
    "WireguardPeer": {
        "public_key": "As `wg pubkey` prints it.",
        "preshared_key_file": "A file on the host, as `wg genpsk` makes it.",
        "allowed_ips": "All prefixes that it may send from, and that are sent to it.",
        "endpoint": "ADDRESS:PORT where it is.",
        "persistent_keepalive": "Seconds between two empty packets; 0 for none.",
    },
    "Route": {
        "dst": "default, an address or a prefix.",
        "family": "Only where nothing else tells it.",
        "type": "unicast (default), local, blackhole, unreachable or prohibit.",
        "via": "The gateway's address.",
        "dev": "The link; left out, the kernel chooses by the gateway.",
        "src": "The source address to prefer.",
        "metric": "Lower is preferred; 0 (IPv6: 1024) when left out.",
        "table": "main (default), local, default or a number.",
        "scope": "How far the destination is; told by the rest when left out.",
        "onlink": "Whether the gateway is taken to be on the link.",
        "mtu": "In bytes.",
        "advmss": "The MSS to advertise, in bytes.",
        "protocol": "Who made it, as a number of rt_protos; 4 (static) when left out.",
        "state": _ABSENT.capitalize(),
    },
    "Rule": {
        "priority": "Lower comes first; 0, 32766 and 32767 are the kernel's.",
        "from": "Prefix of the source.",
        "to": "Prefix of the destination.",
        "iif": "The link that the packet came in on.",
        "oif": "The link that its socket is bound to.",
        "fwmark": "Its mark, like 0x1 or 0x1/0xff.",
        "table": "The table to look it up in.",
        "type": "What becomes of it, instead of a table.",
        "family": "Only where nothing else tells it.",
        "state": _ABSENT.capitalize(),
    },
    "Neighbour": {
        "dst": "Its address.",
        "dev": "The link that it is on.",
        "mac": "Its MAC address.",
        "proxy": "Whether to answer in its place.",
        "state": _ABSENT.capitalize(),
    },
    "Ipset": {
        "type": "As `ipset create` takes it, like hash:net.",
        "family": "inet (default) or inet6.",
        "range": "What a bitmap can hold, like 0-65535.",
        "netmask": "The prefix length that entries are stored with.",
        "size": "How many sets a list:set may have.",
        "maxelem": "How many entries it may have.",
        "timeout": "Seconds that an entry lives when it does not say otherwise.",
        "counters": "Whether entries count packets and bytes.",
        "comment": "Whether entries may have comments.",
        "entries": "All of its entries, as `ipset add` takes them.",
        "state": _ABSENT.capitalize(),
    },
    "Chain": {
        "policy": "Of a built-in chain: what becomes of packets at its end.",
        "rules": "In this order, in iptables' own syntax, without -A CHAIN; of a user chain, all.",
        "at": "Where ours go when first placed in a built-in chain: top, or bottom (default).",
        "exclusive": "Whether others' rules in this built-in chain are removed.",
        "ignore": "Regular expressions: others' rules that stay all the same.",
        "state": "absent removes the chain; of a built-in one, our rules.",
    },
    "Check": {
        "from": "Where the packet starts: host, a namespace, or HOST/NAMESPACE of the inventory.",
        "ping": "The address to ping.",
        "arping": "The address to ask for by ARP.",
        "tcp": "ADDRESS:PORT to connect to.",
        "udp": "ADDRESS:PORT to send to.",
        "http": "The URL to get.",
        "expect": "ok (default), refused, timeout or unreachable.",
        "listen": "Listeners for the time of the check.",
        "source_seen": "The source address that the listener sees.",
        "source": "The source address to send from.",
        "dev": "The link to send from.",
        "size": "Of a ping's payload, in bytes.",
        "dont_fragment": "Whether a ping may not be fragmented.",
        "count": "How many requests.",
        "spread": "How many listeners have to be seen over all requests.",
        "with": "A variation of the declaration, converged for the time of this check.",
    },
    "Listen": {
        "netns": "The namespace of this host; host when left out.",
        "at": "HOST/NAMESPACE of another one.",
        "port": "Its port.",
        "protocol": "tcp or udp; what the probe speaks when left out.",
        "reply": "What it answers; something of its own when left out.",
    },
}

WORDS: Mapping[tuple[str, str], str] = {
    (model, key): text for model, keys in _BY_MODEL.items() for key, text in keys.items()
}
"""Model and key -> one line."""
