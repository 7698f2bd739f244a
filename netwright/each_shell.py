"""The shell that changes many namespaces: `nw_each`, batches that one process takes one by one.

Its input is `@ NUMBER TOOL NETNS` before the lines of each. It is to each of them what `nw_batch`
is, journal and words too.
"""

from __future__ import annotations

from netwright.setns_shell import SETNS

__all__ = ["EACH", "TOOLS"]

TOOLS = ("ip", "ip6", "sysctl")
"""What it can do without a process of the shell."""

EACH = (
    "NW_EACH='"
    + SETNS
    + r"""
my ($dir) = @given or exit 0;
open(STDOUT, ">>", "$dir/words") && open(STDERR, ">&", \*STDOUT) && open(my $at, ">>", "$dir/at")
  or exit 1;
sub noted {
  my ($number) = @_;
  my ($size, $line) = (-s $at, "$number\n");
  return 1 if (syswrite($at, $line) // 0) == length($line);
  truncate($at, $size);
  return 0;
}
sub failed {
  my ($line, $words) = @_;
  print "$words\n";
  print "Command failed -:$line\n" if $line;
  exit 1;
}
sub begun {
  my ($number) = @_;
  return if noted($number);
  unlink("$dir/reserve");
  my $line = noted($number);
  failed($line, "no space is left in " . $dir =~ s|/[^/]*$||r);
}
sub ip {
  my @words = ("ip", @_, "-batch", "-");
  my @lines = splice(@main::lines);
  open(my $ip, "|-", @words) or failed(0, "ip: $!");
  print $ip "$_\n" for @lines;
  close($ip) or exit 1;
}
sub sysctl {
  my $number = 0;
  for my $line (splice(@main::lines)) {
    $number++;
    my ($key, $value) = split(" ", $line, 2);
    open(my $file, ">", path_of($key)) or failed($number, "/proc/sys/$key: $!");
    print($file "$value\n") && close($file) or failed($number, "/proc/sys/$key: $!");
  }
}
sub run {
  my ($number, $tool, $name) = @_;
  truncate(STDOUT, 0);
  begun($number);
  entered($name) or failed(0, "the namespace $name can not be entered: $!");
  $tool eq "sysctl" ? sysctl() : ip($tool eq "ip6" ? "-6" : ());
}
our @lines;
my @head;
while (my $line = <STDIN>) {
  chomp($line);
  if ($line =~ /^@ (.*)/) {
    run(@head) if @head;
    @head = split(" ", $1);
  } else {
    push @lines, $line;
  }
}
run(@head);
'
"""
    + r"""
nw_each() {
  if perl -e "$NW_EACH" "$(uname -m)" < /dev/null > /dev/null 2>&1; then
    perl -e "$NW_EACH" "$(uname -m)" "$nw_dir" && return 0
    nw_at=$(tail -n 1 "$nw_dir/at")
    nw_failed "${nw_at:-0}"
    return 1
  fi
  nw_head=''
  while IFS= read -r nw_text; do
    case $nw_text in
      '@ '*)
        nw_one || return 1
        nw_head=${nw_text#@ }
        nw_lines=''
        ;;
      *)
        nw_lines="$nw_lines$nw_text
"
        ;;
    esac
  done
  nw_one
}
nw_one() {
  # shellcheck disable=SC2086 # a number, a tool and a name
  [ -z "$nw_head" ] || nw_batch $nw_head <<NW_LINES
${nw_lines%?}
NW_LINES
}
"""
)
