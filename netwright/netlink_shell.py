"""How a Perl process asks the kernel what a namespace is like, and the parse of what it says.

To start ip for each of a thousand namespaces takes several times as long as all that the kernel has
to tell of them. What is told is as narrow as that: links without options of their kind, addresses,
and routes of one way. A namespace with anything else, or with an attribute that is not known here,
is left to ip.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["TELL", "parse"]

TELL = r"""
# Attributes (linux/if_link.h, if_addr.h, rtnetlink.h) by number: a word and how it is read; without
# a word it says nothing that counts.
my %known = (
  link => { 1 => "mac:H*", 3 => "ifname:Z*", 4 => "mtu:L", 5 => "link:L", 13 => "txqlen:L",
    37 => "netnsid:l" },
  address => { 1 => "address:H*", 2 => "local:H*", 3 => "label:Z*", 4 => "broadcast:H*", 6 => "",
    8 => "flags:L", 9 => "metric:L", 11 => "" },
  route => { 1 => "dst:H*", 4 => "oif:L", 5 => "gateway:H*", 6 => "metric:L", 7 => "prefsrc:H*",
    12 => "", 15 => "table:L", 20 => "" },
);
my $sequence = 0;
# The bodies of all messages of a dump; nothing when it is not whole.
sub dumped {
  my ($socket, $type, $body) = @_;
  my $request = pack("LSSLL", 16 + length($body), $type, 0x301, ++$sequence, 0) . $body;
  (syswrite($socket, $request) // 0) == length($request) or return;
  my @found;
  while (1) {
    my $size = sysread($socket, my $answer, 262144) or return;
    for (my $at = 0; $at + 16 <= $size;) {
      my ($length, $kind, $flags, $of) = unpack("x${at}LSSL", $answer);
      # It was interrupted, or is an error, or cut off.
      return if $of != $sequence || $flags & 0x10 || $kind == 2 || $length < 16 ||
        $at + $length > $size;
      return unpack("l", substr($answer, $at + 16)) ? undef : \@found if $kind == 3;
      push(@found, substr($answer, $at + 16, $length - 16));
      $at += $length + 3 & ~3;
    }
  }
}
sub attributes {
  my ($message, $at) = @_;
  my %found;
  while ($at + 4 <= length($message)) {
    my ($length, $number) = unpack("x${at}SS", $message);
    last if $length < 4;
    $found{$number & 0x3fff} = substr($message, $at + 4, $length - 4);
    $at += $length + 3 & ~3;
  }
  return \%found;
}
# The words of one message; nothing when something in it is not known.
sub words {
  my ($what, $found, $strict, @words) = @_;
  my $known = $known{$what};
  for my $number (sort { $a <=> $b } keys(%$found)) {
    return if $strict && !defined($known->{$number});
    my ($word, $read) = split(":", $known->{$number} // "") or next;
    push(@words, "$word=" . unpack($read, $found->{$number}));
  }
  my $line = join(" ", $what, @words);
  return $line =~ /[^!-~ ]/ || split(" ", $line) != @words + 1 ? () : "$line\n";
}
# The links that were told of, and those that others name: one may come in between two dumps.
my (%there, %named);
# Ethernet and loopback only, of no kind or an end of a pair. A port has a master, which has a kind.
sub link_told {
  my ($message) = @_;
  my ($family, $type, $index, $flags) = unpack("CxSlL", $message);
  my $found = attributes($message, 16);
  my $info = attributes($found->{18} // "", 0);
  my $kind = unpack("Z*", $info->{1} // "");
  return if $family != 0 || $type != 1 && $type != 772 || $kind !~ /^(veth)?$/ ||
    unpack("L", $found->{5} // "a   ") == 0;
  $there{$index} = 1;
  $named{unpack("L", $found->{5})} = 1 if $found->{5} && !$found->{37};
  return words("link", $found, 0, "index=$index", "flags=$flags", $kind ? "kind=$kind" : ());
}
sub address_told {
  my ($message) = @_;
  my ($family, $length, $flags, $scope, $index) = unpack("CCCCL", $message);
  my $found = attributes($message, 8);
  $found->{8} //= pack("L", $flags);
  return if $family != 2 && $family != 10;
  $named{$index} = 1;
  return words("address", $found, 1, "family=$family", "prefixlen=$length", "scope=$scope",
    "index=$index");
}
sub route_told {
  my ($message) = @_;
  my ($family, $length, $from, $tos, $table, $protocol, $scope, $type, $flags) =
    unpack("C8L", $message);
  # What the kernel itself has in the table local is most of all that there is.
  return "" if $table == 255 && $protocol == 2;
  my $found = attributes($message, 12);
  return if $family != 2 && $family != 10 || $from || $tos || $flags & ~0x17;
  $named{unpack("L", $found->{4})} = 1 if $found->{4};
  return words("route", $found, 1, "family=$family", "dst_len=$length", "protocol=$protocol",
    "scope=$scope", "type=$type", "flags=$flags");
}
# All of a namespace, for the one that is in it.
sub told_of {
  socket(my $socket, 16, 3, 0) or return;
  # Rules that are not from the kernel, permanent and proxy neighbours are left to ip.
  for (@{dumped($socket, 34, pack("Cx11", 2)) // return}) {
    return if unpack("C", attributes($_, 12)->{21} // "a") != 2;
  }
  for (@{dumped($socket, 30, pack("x12")) // return}) {
    return if unpack("x8S", $_) & 0x80;
  }
  return if @{dumped($socket, 30, pack("x10Cx", 8)) // return};
  my $told = "";
  (%there, %named) = ();
  # Without what is counted of each link.
  my @asked = ([18, pack("x16SSL", 8, 29, 8), \&link_told], [22, pack("x8"), \&address_told],
    [26, pack("x12"), \&route_told]);
  for (@asked) {
    my ($type, $body, $teller) = @$_;
    for my $message (@{dumped($socket, $type, $body) // return}) {
      $told .= $teller->($message) // return;
    }
  }
  return if grep { !$there{$_} } keys(%named);
  return $told;
}
"""
"""`told_of` gives the lines that `parse` takes, or nothing. It has no single quotes."""

_INET6 = 10
_UP, _PROMISC = 0x1, 0x100
_ONLINK = 0x4
_FLAGS = {"nodad": 0x02, "home": 0x10, "noprefixroute": 0x200}
_PERMANENT = 0x80


def parse(lines: Iterable[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What `ip -j -d -N` would print of the same namespace, as far as rooms read it: the entries of
    its links with their addresses, and those of its routes."""
    links: dict[str, dict[str, Any]] = {}
    routes = []
    told = [line.split(" ") for line in lines]
    for what, *words in told:
        fields = dict(word.split("=", 1) for word in words)
        if what == "link":
            links[fields["index"]] = fields
        elif what == "route":
            routes.append(fields)
    names = {index: fields["ifname"] for index, fields in links.items()}
    entries = {index: dict(_link(fields, names)) for index, fields in links.items()}
    for what, *words in told:
        if what == "address":
            fields = dict(word.split("=", 1) for word in words)
            entries[fields["index"]]["addr_info"].append(dict(_address(fields)))
    return list(entries.values()), [dict(_route(fields, names)) for fields in routes]


def _link(fields: dict[str, str], names: dict[str, str]) -> Iterator[tuple[str, Any]]:
    flags = int(fields["flags"])
    yield "ifindex", int(fields["index"])
    yield "ifname", fields["ifname"]
    yield "flags", [word for word, bit in (("UP", _UP), ("PROMISC", _PROMISC)) if flags & bit]
    yield "mtu", int(fields["mtu"])
    yield "address", bytes.fromhex(fields["mac"]).hex(":")
    yield "addr_info", []
    if "txqlen" in fields:
        yield "txqlen", int(fields["txqlen"])
    if "netnsid" in fields:
        yield "link_netnsid", int(fields["netnsid"])
        yield "link_index", int(fields["link"])
    elif "link" in fields:
        yield "link", names[fields["link"]]
    if "kind" in fields:
        yield "linkinfo", {"info_kind": fields["kind"]}


def _address(fields: dict[str, str]) -> Iterator[tuple[str, Any]]:
    flags = int(fields["flags"])
    local = fields.get("local", fields["address"])
    yield "local", _text(local)
    yield "prefixlen", int(fields["prefixlen"])
    yield "scope", fields["scope"]
    if fields["address"] != local:
        yield "address", _text(fields["address"])
    if "broadcast" in fields:
        yield "broadcast", _text(fields["broadcast"])
    for name in ("label", "metric"):
        if name in fields:
            yield name, fields[name]
    yield from ((name, True) for name, bit in _FLAGS.items() if flags & bit)
    if not flags & _PERMANENT:
        yield "dynamic", True


def _route(fields: dict[str, str], names: dict[str, str]) -> Iterator[tuple[str, Any]]:
    bits = int(fields["dst_len"])
    yield "family", "inet6" if int(fields["family"]) == _INET6 else "inet"
    yield "dst", f"{_text(fields['dst'])}/{bits}" if bits else "default"
    for name in ("type", "protocol", "scope", "table"):
        yield name, fields[name]
    yield "flags", ["onlink"] if int(fields["flags"]) & _ONLINK else []
    if "oif" in fields:
        yield "dev", names[fields["oif"]]
    if "metric" in fields:
        yield "metric", int(fields["metric"])
    for name in ("gateway", "prefsrc"):
        if name in fields:
            yield name, _text(fields[name])


def _text(packed: str) -> str:
    return str(ipaddress.ip_address(bytes.fromhex(packed)))
