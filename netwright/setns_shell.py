"""How a Perl process goes from namespace to namespace by itself: the start of each such program.

To start nsenter for each of a thousand namespaces is most of what that takes. Debian's perl-base is
essential; where there is no Perl, or one that doesn't know the call, nsenter does it.
"""

from __future__ import annotations

__all__ = ["SETNS"]

SETNS = r"""
use strict;
use warnings;
my ($machine, @given) = @ARGV;
my %number = (aarch64 => 268, riscv64 => 268, x86_64 => 308);
# The number is that of programs of the same width only.
my $setns = length(pack("P", "")) == 8 && $number{$machine} or exit 1;
$| = 1;
my $under = "";
# The kernel looks for /proc/sys/net/ipv4 among those of all namespaces: once in each.
sub path_of {
  my ($key) = @_;
  my ($place, $below) = $key =~ m{^(net/ipv[46])/(.*)} or return "/proc/sys/$key";
  return $below if $place eq $under;
  $under = "";
  chdir("/proc/sys/$place") or return "/proc/sys/$key";
  $under = $place;
  return $below;
}
sub entered {
  my ($name) = @_;
  $under = "";
  open(my $place, "<", "/run/netns/$name") or return 0;
  syscall($setns, fileno($place), 0x40000000) == 0 or return 0;
  my ($wanted, $is) = ((stat($place))[1], (stat("/proc/self/ns/net"))[1]);
  return $wanted == $is;
}
"""
"""Takes what `uname -m` says as its first word, the others as `@given`; ends with 1 where it can't.
It has no single quotes, so that a shell can hold it."""
