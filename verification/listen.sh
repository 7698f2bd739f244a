# Starts a listener, with a directory of its own; it is gone after $life seconds at the latest, also
# when nobody comes to stop it. `within`: the words of the command that enters a namespace, or none.
# shellcheck disable=SC2086
dir=$1 tool=$2 protocol=$3 family=$4 port=$5 life=$6 reply=$7 http=$8 within=$9
umask 077
trap '' HUP
case $protocol$family in
  tcpinet) sockets=-Hltn4 socat=TCP4-LISTEN more=,backlog=128 ;;
  tcpinet6) sockets=-Hltn6 socat=TCP6-LISTEN more=,backlog=128 ;;
  udpinet) sockets=-Hlun4 socat=UDP4-RECVFROM more= ;;
  udpinet6) sockets=-Hlun6 socat=UDP6-RECVFROM more= ;;
esac
listening() {
  $within ss "$sockets" "sport = :$port" | grep -q .
}
$within true || exit 1
if listening; then
  echo "port $port is taken: $($within ss "${sockets}p" "sport = :$port" | head -n 1)" >&2
  exit 1
fi
mkdir "$dir" || exit 1
: > "$dir/log"
: > "$dir/seen"
# What each connection or datagram runs, with the other side on its standard input and output.
cat > "$dir/answer" <<END
peer=\${SOCAT_PEERADDR:-\$NETWRIGHT_PEER}
echo "\$peer" >> $dir/seen
# socat gives up, and the answer is lost, when it can't get rid of the question.
[ $protocol = tcp ] || dd bs=65536 count=1 > /dev/null 2>&1
if [ '$http' = yes ]; then
  while IFS= read -r line && [ "\${#line}" -gt 1 ]; do :; done
  printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n'
fi
echo '$reply'
END
cat > "$dir/listen.pl" <<'END'
use strict; use warnings; use IO::Socket::IP;
my ($protocol, $any, $port, $answer) = @ARGV;
my @listen = $protocol eq 'tcp' ? (Listen => 128, ReuseAddr => 1) : ();
my $socket = IO::Socket::IP->new(
    LocalHost => $any, LocalService => $port, Proto => $protocol, V6Only => 1, @listen,
) or die "$@\n";
$SIG{CHLD} = 'IGNORE';
while ($protocol eq 'tcp') {
    my $client = $socket->accept or next;
    next if fork;
    $ENV{NETWRIGHT_PEER} = $client->peerhost;
    open STDIN, '<&', $client or die;
    open STDOUT, '>&', $client or die;
    exec 'sh', $answer;
}
while (1) {
    defined $socket->recv(my $data, 65536) or next;
    $ENV{NETWRIGHT_PEER} = $socket->peerhost;
    $socket->send(scalar `sh $answer`);
}
END
exec 4< "$dir/log"
case $tool in
  socat) set -- socat "$socat:$port,reuseaddr,fork$more" "EXEC:sh $dir/answer" ;;
  perl)
    any=0.0.0.0
    [ "$family" = inet ] || any=::
    set -- perl "$dir/listen.pl" "$protocol" "$any" "$port" "$dir/answer"
    ;;
esac
# timeout(1) ends all that it started, and whatever ends it, the directory goes.
{
  timeout "$life" $within "$@" > "$dir/log" 2>&1 &
  echo $! > "$dir/pid"
  wait $!
  rm -rf "$dir"
} < /dev/null > /dev/null 2>&1 4<&- &
tries=0
while ! listening; do
  tries=$((tries + 1))
  if [ "$tries" -gt 60 ] || { [ "$tries" -gt 5 ] && [ ! -d "$dir" ]; }; then
    echo "the listener did not start: $(head -n 3 <&4)" >&2
    [ ! -f "$dir/pid" ] || kill "$(cat "$dir/pid")"
    exit 1
  fi
  sleep 0.05
done
