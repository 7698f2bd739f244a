"""The shell that changes many namespaces: `nw_each`, batches that few processes take one by one.

Its input is `@ NUMBER TOOL NETNS` before the lines of each. It is to each of them what `nw_batch`
is, journal and words too. With `apart`, where no namespace needs what happens in another, two
walkers share them where there are two processors; then the journal's numbers come in any order.
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
my ($dir, $jobs) = @given or exit 0;
# Who called reads to the end of it, so it waits for all that have it open.
open(my $caller, ">&", \*STDOUT) or exit 1;
my ($at, $said, $now);
sub noted {
  flock($at, 2);
  my ($size, $line) = (-s $at, "$now\n");
  my $done = (syswrite($at, $line) // 0) == length($line);
  truncate($at, $size) unless $done;
  flock($at, 8);
  return $done;
}
sub failed {
  my ($line, $words) = @_;
  print "$words\n" if $words;
  print "Command failed -:$line\n" if $line;
  # Of several that fail the first has the say.
  syswrite($caller, "$now\n") if link($said, "$dir/failed");
  exit 1;
}
sub begun {
  return if noted();
  unlink("$dir/reserve");
  my $line = noted();
  failed($line, "no space is left in " . $dir =~ s|/[^/]*$||r);
}
sub ip {
  my ($lines, @words) = @_;
  open(my $ip, "|-", "ip", @words, "-batch", "-") or failed(0, "ip: $!");
  print $ip "$_\n" for @$lines;
  close($ip) or failed(0);
}
sub sysctl {
  my ($lines) = @_;
  my $number = 0;
  for my $line (@$lines) {
    $number++;
    my ($key, $value) = split(" ", $line, 2);
    open(my $file, ">", path_of($key)) or failed($number, "/proc/sys/$key: $!");
    print($file "$value\n") && close($file) or failed($number, "/proc/sys/$key: $!");
  }
}
sub run {
  (my ($tool, $name, $lines), $now) = @_[1 .. 3, 0];
  truncate(STDOUT, 0);
  begun();
  entered($name) or failed(0, "the namespace $name can not be entered: $!");
  $tool eq "sysctl" ? sysctl($lines) : ip($lines, $tool eq "ip6" ? "-6" : ());
}
my $stopped = 0;
sub walk {
  my ($job, $parent, @batches) = @_;
  $said = "$dir/words.$job";
  open(STDOUT, ">>", $said) && open(STDERR, ">&", \*STDOUT) && open($at, ">>", "$dir/at")
    or exit 1;
  for (@batches) {
    exit 1 if $stopped || getppid() != $parent;
    run(@$_);
  }
  exit 0;
}
my (@names, %of);
while (my $line = <STDIN>) {
  chomp($line);
  if ($line =~ /^@ (.*)/) {
    my ($number, $tool, $name) = split(" ", $1);
    push(@names, $name) unless $of{$name};
    push(@{$of{$name}}, [$number, $tool, $name, []]);
  } else {
    push(@{$of{$names[-1]}[-1][3]}, $line);
  }
}
"""
    + r"""
my @order = sort { $a->[0] <=> $b->[0] } map { @$_ } values(%of);
walk(1, getppid(), @order) if $jobs < 2;
my ($ended, %walkers) = 0;
for my $job (1 .. $jobs) {
  my %mine = map { $names[$_] => 1 } grep { $_ % $jobs == $job - 1 } keys(@names);
  my $parent = $$;
  my $walker = fork();
  if (!defined($walker)) {
    my $why = "no other process can be started: $!\n";
    open(my $file, ">", "$dir/failed") or last;
    print $file $why;
    last;
  }
  if (!$walker) {
    # It ends what it has begun.
    $SIG{TERM} = sub { $stopped = 1 };
    walk($job, $parent, grep { $mine{$_->[2]} } @order);
  }
  $walkers{$walker} = 1;
}
$ended = 1 if keys(%walkers) < $jobs;
while (%walkers) {
  kill("TERM", keys(%walkers)) if $ended;
  my $walker = waitpid(-1, 0);
  delete($walkers{$walker});
  $ended = 1 if $?;
}
exit $ended;
'
"""
    + r"""
nw_each() {
  if perl -e "$NW_EACH" "$(uname -m)" < /dev/null > /dev/null 2>&1; then
    nw_jobs=1
    # More of them would wait for each other: the kernel has one lock for all networks.
    [ "$1" != apart ] || [ "$(nproc 2> /dev/null || echo 1)" -lt 2 ] || nw_jobs=2
    nw_at=$(perl -e "$NW_EACH" "$(uname -m)" "$nw_dir" $nw_jobs) && return 0
    mv "$nw_dir/failed" "$nw_dir/words" 2> /dev/null || : > "$nw_dir/words"
    [ -n "$nw_at" ] || nw_at=$(tail -n 1 "$nw_dir/at")
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
