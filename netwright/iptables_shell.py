"""The shell of the tables: reading them, loading declared rules aside, and changing them."""

from __future__ import annotations

__all__ = ["APPLY", "BOOT", "READ"]

READ = r"""
NW_SAVE='
tool=$1 names=/proc/net/${1%tables}_tables_names
command -v "$tool-save" > /dev/null || { echo "# missing"; exit 0; }
{ words=$("$tool-save" 2>&1 >&3) || echo "# failed" $words; } 3>&1
# Only tables that are there: looking for one by its name would make it.
case $("$tool" -V) in
  *nf_tables*) ! grep -qs . "$names" || other=$tool-legacy-save ;;
  *) other=$tool-nft-save ;;
esac
[ -z "${other:-}" ] || ! command -v "$other" > /dev/null ||
  ! "$other" 2> /dev/null | grep -q -e "^-A" -e "^:[A-Z]* DROP" || echo "# other $other"
'
nw_tables() {
  printf '@@ %s %s\n' "$2" "$1"
  if [ -n "$nw_tmp" ]; then
    nw_in "$1" sh -c "$NW_SAVE" sh "$2" > "$nw_tmp/save" || return 1
    cat "$nw_tmp/save" && grep '^[*:]' "$nw_tmp/save" >> "$nw_tmp/$2.live"
    return 0
  fi
  nw_in "$1" sh -c "$NW_SAVE" sh "$2"
}
nw_sets() {
  printf '@@ ipset %s\n' "$1"
  if command -v ipset > /dev/null; then nw_in "$1" ipset save; else echo '# missing'; fi
}
# Runs in a throw-away namespace: $1 is where the files of a loading are, $2 the tool.
NW_LOAD='
base=$1 tool=$2 number=${1##*/}
export XTABLES_LOCKFILE="$base.lock"
try() {
  { echo "*$table"; sed -n "$1,$2p" "$base.$table.rules"; echo COMMIT; } > "$base.try"
  "$tool-restore" --noflush -w 10 < "$base.try" > "$base.words" 2>&1
}
load() {
  [ "$1" -le "$2" ] || return 0
  try "$1" "$2" && return 0
  if [ "$1" = "$2" ]; then
    printf "@@ refused %s %s %s\n" "$number" "$table" "$1"
    sed "s/^/|/" "$base.words"
    return 0
  fi
  load "$1" $((($1 + $2) / 2))
  load $((($1 + $2) / 2 + 1)) "$2"
}
if [ -s "$base.sets" ]; then ipset restore -exist < "$base.sets" || exit 1; fi
for rules in "$base".*.rules; do
  table=${rules#"$base".} table=${table%.rules}
  if [ -s "$base.$table.chains" ]; then
    { echo "*$table"; sort -u "$base.$table.chains"; echo COMMIT; } > "$base.try"
    "$tool-restore" --noflush -w 10 < "$base.try" || exit 1
  fi
  load 1 $(($(wc -l < "$rules")))
done
printf "@@ scratch %s\n" "$number"
"$tool-save" | sed -n -e "/^[*]/p" -e "/^-A/p"
'
NW_LOAD_SETS='
tries=0
while [ "$tries" -lt 100 ] && ! ipset restore -exist < "$1" > "$1.words" 2>&1; do
  tries=$((tries + 1))
  line=$(sed -n "s/.*Error in line \([0-9]*\):.*/\1/p" "$1.words")
  [ -n "$line" ] || { cat "$1.words" >&2; exit 1; }
  printf "@@ unset %s\n" "$line"
  sed "s/^/|/" "$1.words"
  sed "${line}s/.*/#/" "$1" > "$1.left" && mv "$1.left" "$1"
  ipset destroy
done
printf "@@ sets\n"
ipset save
'
NW_SPLIT='
{ rest = substr($0, length($1) + 2) }
$1 == "load" {
  if (base) { close(base ".sets"); close(base ".live") }
  base = d "/" $2; print $3 > (base ".tool"); close(base ".tool"); next
}
$1 == "ipset" { print rest > (d "/ipset"); next }
$1 == "set" { print rest > (base ".sets"); next }
$1 == "live" { print rest > (base ".live"); next }
$1 == "table" {
  if (f) { close(f ".rules"); close(f ".chains"); close(f ".foreign") }
  f = base "." $2; printf "" > (f ".rules"); next
}
$1 == "chain" { print "-N " rest > (f ".chains"); next }
$1 == "foreign" { print rest > (f ".foreign"); next }
$1 == "rule" { print rest > (f ".rules") }
'
NW_STUBS='
FILENAME == ARGV[1] { wanted[$1]; next }
/^[*]/ { now = substr($1, 2); next }
now == table && $2 == "-" && (substr($1, 2) in wanted) { print "-N " substr($1, 2) }
'
nw_away() {
  if unshare -n true 2> /dev/null; then
    unshare -n "$@"
  elif ip netns add "nw-$$" 2> "$nw_tmp/words"; then
    ip netns exec "nw-$$" "$@"
    set -- $?
    ip netns delete "nw-$$"
    return "$1"
  else
    printf '@@ unscratched\n|'
    cat "$nw_tmp/words"
  fi
}
nw_scratch() {
  nw_declared | awk -v d="$nw_tmp" "$NW_SPLIT" || return 1
  if [ -f "$nw_tmp/ipset" ] && command -v ipset > /dev/null; then
    nw_away sh -c "$NW_LOAD_SETS" sh "$nw_tmp/ipset" || return 1
  fi
  for path in "$nw_tmp"/*.tool; do
    [ -f "$path" ] || continue
    read -r tool < "$path"
    command -v "$tool-restore" > /dev/null || continue
    path=${path%.tool}
    if [ -f "$path.live" ]; then
      while read -r name set; do
        nw_in "$name" ipset list -t "$set" 2> /dev/null |
          sed -n -e 's/^Name: /create /p' -e 's/^Type: //p' -e 's/^Header: //p' | tr '\n' ' '
        echo
      done < "$path.live" | grep create >> "$path.sets"
    fi
    for names in "$path".*.foreign; do
      [ -f "$names" ] && [ -s "$nw_tmp/$tool.live" ] || continue
      table=${names#"$path".} table=${table%.foreign}
      awk -v table="$table" "$NW_STUBS" "$names" "$nw_tmp/$tool.live" >> "$path.$table.chains"
    done
    nw_away sh -c "$NW_LOAD" sh "$path" "$tool" || return 1
  done
}
"""
"""`nw_tables NETNS TOOL` prints the tables, `nw_scratch` loads what `nw_declared` prints aside."""

_DOCUMENTS = r"""
nw_documents() {
  rm -f "$nw_dir"/doc.*
  tr '\037' '\n' | awk -v d="$nw_dir" '
    $1 == "#" { if (n) close(f); f = d "/doc." ++n }
    { print > f }'
}
"""

APPLY = (
    _DOCUMENTS
    + r"""
NW_GUARD='
FNR == 1 && NR == 1 { for (i = 6; i <= NF; i++) { order[i] = $i; text[$i] = "" } last = NF }
FILENAME != ARGV[1] && $1 == "-A" && ($2 in text) { sub(/ +$/, ""); text[$2] = text[$2] $0 "\n" }
END { for (i = 6; i <= last; i++) printf "%s", text[order[i]] }
'
NW_TABLES='
dir=$1 guard=$2 line=0
while line=$((line + 1)) && [ -f "$dir/doc.$line" ]; do
  read -r _ tool table before after _ < "$dir/doc.$line"
  "$tool-save" -t "$table" 2> /dev/null > "$dir/save"
  awk "$guard" "$dir/doc.$line" "$dir/save" | sha256sum > "$dir/sum"
  read -r sum _ < "$dir/sum"
  case $sum in
    "$before"*)
      "$tool-restore" --noflush -w 10 < "$dir/doc.$line" && continue ;;
    "$after"*) continue ;;
    *) echo "others have changed the table $table meanwhile; run again" ;;
  esac
  echo "Command failed -:$line"
  exit 1
done
'
nw_change_tables() {
  nw_documents || return 1
  nw_in "$1" sh -c "$NW_TABLES" sh "$nw_dir" "$NW_GUARD"
}
nw_change_sets() {
  nw_in "$1" ipset restore > "$nw_dir/sets" 2>&1 && return 0
  cat "$nw_dir/sets"
  sed -n 's/.*Error in line \([0-9]*\):.*/Command failed -:\1/p' "$nw_dir/sets"
  return 1
}
"""
)
"""`nw_change_tables NETNS` runs the documents on its standard input, see `iptables_plan`."""

BOOT = (
    _DOCUMENTS
    + r"""
# Of a document for an empty table what is missing in this one; a chain of ours is filled anew.
NW_MISSING='
FILENAME == ARGV[1] {
  line = $0
  if ($1 == "-I") { sub(/ [0-9]+/, "", line); sub(/^-I/, "-A", line) }
  words[++n] = $0; lines[n] = line; verb[n] = $1; chain[n] = $2
  if ($1 == "-N") own[$2]
  if (line ~ /^-A/) body[$2] = body[$2] line "\n"
  next
}
/^:/ { there[substr($1, 2)] }
$1 == "-A" { sub(/ +$/, ""); have[$0]++; text[$2] = text[$2] $0 "\n" }
END {
  for (i = 1; i <= n; i++) {
    name = chain[i]
    same = (name in own) && (name in there) && body[name] == text[name]
    if (verb[i] == "-N" && (name in there)) { if (!same) print "-F " name }
    else if (verb[i] !~ /^-[AI]$/) print words[i]
    else if (name in own) { if (!same) print words[i] }
    else if (have[lines[i]] > 0) have[lines[i]]--
    else print words[i]
  }
}
'
NW_TABLES='
dir=$1 missing=$2 line=0
while line=$((line + 1)) && [ -f "$dir/doc.$line" ]; do
  read -r _ tool table _ < "$dir/doc.$line"
  "$tool-save" -t "$table" 2> /dev/null > "$dir/save"
  awk "$missing" "$dir/doc.$line" "$dir/save" > "$dir/document"
  "$tool-restore" --noflush -w 10 < "$dir/document" || echo "Command failed -:$line"
done
'
nw_boot_tables() {
  nw_documents || return 1
  nw_in "$1" sh -c "$NW_TABLES" sh "$nw_dir" "$NW_MISSING"
}
nw_boot_sets() {
  nw_in "$1" ipset restore -exist 2>&1 |
    sed 's/.*Error in line \([0-9]*\):.*/&\nCommand failed -:\1/'
}
"""
)
"""The same at boot, from documents for empty tables, where others may have been before."""
