"""The shell that reads many namespaces: in as many processes as there are processors.

To start nsenter, ip and grep for each namespace is most of what reading takes. Where the host has
Perl (Debian's perl-base is essential), one process goes from namespace to namespace by itself, asks
the kernel, and starts ip where there is more to tell than it knows; elsewhere `nw_read` reads.
"""

from __future__ import annotations

from netwright.netlink_shell import TELL
from netwright.setns_shell import SETNS

__all__ = ["MANY"]

MANY = (
    r"""
# What to show is in the file $2; namespaces with an `@` question, or not to be entered, go to $3.
NW_WALK='"""
    + SETNS
    + TELL
    + r"""
my ($batch, $left) = @given;
my ($name, @lines) = ("");
sub told {
  my ($key) = @_;
  my $path = path_of($key);
  my $before = $path =~ m{^/} ? "" : substr($key, 0, -length($path));
  for my $found ($path =~ /\*/ ? glob($path) : $path) {
    open(my $parameter, "<", $found) or next;
    while (my $value = <$parameter>) { chomp($value); print "$before$found:$value\n"; }
  }
}
sub walk {
  return unless @lines && -e "/run/netns/$name";
  my @keys = map { (split(" "))[1] } grep { / / } @lines;
  if ($name eq "host" || grep({ /^@/ } @keys) || !entered($name)) {
    open(my $rest, ">>", $left) or die "$left: $!\n";
    print $rest "$_\n" for @lines;
    return;
  }
  if (my $told = told_of()) {
    print "\@\@ netlink $name\n", $told;
  } else {
    print "\@\@ netns $name\n";
    system("ip", "-j", "-d", "-N", "-batch", $batch) == 0 or exit 1;
  }
  print "\@\@ sysctl $name\n" if @keys;
  told($_) for @keys;
}
while (my $line = <STDIN>) {
  chomp($line);
  my ($now) = split(" ", $line);
  if ($now ne $name) { walk(); ($name, @lines) = ($now); }
  push @lines, $line;
}
walk();
'
nw_walk() {
  for _ in 1 2 3 4 5; do
    rm -f "$1.left"
    perl -e "$NW_WALK" "$(uname -m)" "$nw_parts/show" "$1.left" < "$1" 2> "$1.words"
    nw_ended=$?
    grep -q 'was interrupted' "$1.words" || break
  done
  cat "$1.words" >&2
  [ $nw_ended = 0 ] || return 1
  [ ! -s "$1.left" ] || nw_read < "$1.left"
}
nw_read_all() {
  nw_jobs=$(nproc 2> /dev/null || echo 1)
  nw_parts=$(mktemp -d 2> /dev/null) || { nw_read; return; }
  trap 'rm -rf "$nw_parts"' EXIT
  awk -v jobs="$nw_jobs" -v parts="$nw_parts" -v job=0 '
    $1 == "host" { print > (parts "/host"); next }
    $1 "" != last { last = $1 ""; job = (job + 1) % jobs }
    { print > (parts "/" job) }
  '
  printf '%s\n' "$NW_SHOW" > "$nw_parts/show"
  nw_reader=nw_read
  ! perl -e "$NW_WALK" "$(uname -m)" < /dev/null 2> /dev/null || nw_reader=nw_walk
  nw_pids=''
  for path in "$nw_parts"/*[0-9]; do
    [ -f "$path" ] || continue
    case $nw_reader in
      nw_walk) nw_walk "$path" > "$path.read" & ;;
      *) nw_read < "$path" > "$path.read" & ;;
    esac
    nw_pids="$nw_pids $!"
  done
  nw_read < "$nw_parts/host" > "$nw_parts/host.read"
  nw_all=$?
  for nw_pid in $nw_pids; do
    wait "$nw_pid" || nw_all=1
  done
  cat "$nw_parts"/*.read
  return $nw_all
}
"""
)
