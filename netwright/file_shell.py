"""The shell of the files of ours: what the next boot reads changes by one rename.

/etc/netwright/NAME is a link to one of two directories, `.NAME.a` and `.NAME.b`. What is new is
written in full into a third one, before the network is touched; then the link is exchanged.
"""

from __future__ import annotations

__all__ = ["FILES"]

FILES = r"""
nw_base=/etc/netwright/NW_NAME
nw_at_base=/etc/netwright/.NW_NAME
nw_there() {
  [ -e "$1" ] || [ -L "$1" ]
}
# Starts no process for what is not there.
nw_remove() {
  for nw_path; do
    ! nw_there "$nw_path" || rm -rf "$nw_path" || return 1
  done
}
nw_is_empty() {
  for nw_path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    ! nw_there "$nw_path" || return 1
  done
}
nw_tidy() {
  # Another run may have come meanwhile.
  [ ! -d "$1" ] || ! nw_is_empty "$1" || rmdir "$1" 2> /dev/null || :
}
# A rename alone outlives a loss of power before what it leads to does.
nw_sync() {
  sync "$@" 2> /dev/null || sync
}
nw_in_force() {
  nw_force=''
  [ ! -L "$nw_base" ] || nw_force=$(readlink "$nw_base")
}
# Removes all but the version in force.
nw_sweep() {
  nw_in_force
  nw_remove "$nw_at_base.new" "$nw_base.nw-new"
  for nw_version in "$nw_at_base.a" "$nw_at_base.b"; do
    [ "$nw_force" = "${nw_version##*/}" ] || nw_remove "$nw_version"
  done
  nw_tidy "${nw_base%/*}"
}
nw_begin() {
  nw_sweep
  mkdir -p "$nw_at_base.new" || return 1
  set --
  for nw_path in "$nw_base"/*; do
    [ ! -f "$nw_path" ] || set -- "$@" "$nw_path"
  done
  [ $# = 0 ] || cp -p "$@" "$nw_at_base.new/"
}
nw_switch() {
  nw_keep "$nw_base" || return 1
  if nw_is_empty "$nw_at_base.new"; then
    rm -f "$nw_base"
    return
  fi
  nw_in_force
  nw_version=$nw_at_base.a
  [ "$nw_force" != "${nw_version##*/}" ] || nw_version=$nw_at_base.b
  nw_sync "$nw_at_base.new"/* "$nw_at_base.new"
  mv -T "$nw_at_base.new" "$nw_version" && ln -s "${nw_version##*/}" "$nw_base.nw-new" &&
    mv -T "$nw_base.nw-new" "$nw_base" && nw_sync "${nw_base%/*}"
}
# What is at a path, for its undo; as long as neither is there, the path was not touched.
nw_keep() {
  nw_remove "$nw_dir/keep"
  if nw_there "$1"; then
    cp -Pp "$1" "$nw_dir/keep" && mv -T "$nw_dir/keep" "$nw_dir/$nw_at.old"
  else
    : > "$nw_dir/$nw_at.none"
  fi
}
nw_restore() {
  nw_old=$nw_dir/$1.old
  nw_remove "$2.nw-new"
  if nw_there "$nw_old"; then
    cp -Pp "$nw_old" "$2.nw-new" && mv -T "$2.nw-new" "$2"
  elif [ -f "$nw_dir/$1.none" ]; then
    rm -f "$2"
  fi
}
nw_above() {
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}"
}
# Its input, with mode $1, at the path $2; what is new is its owner's alone by the umask.
nw_write() {
  if [ "$1" = 0600 ] && ! nw_there "$2"; then
    cat > "$2"
  else
    cat > "$2" && chmod "$1" "$2"
  fi
}
nw_file() {
  case $1 in
    begin) nw_begin ;;
    stage) nw_write "$2" "$nw_at_base.new/${3##*/}" ;;
    unstage) nw_remove "$nw_at_base.new/${2##*/}" ;;
    switch) nw_switch ;;
    put)
      nw_keep "$3" && nw_above "$3" && nw_write "$2" "$3.nw-new" && mv -T "$3.nw-new" "$3"
      ;;
    link)
      nw_keep "$3" && nw_above "$3" && nw_remove "$3.nw-new" && ln -s "$2" "$3.nw-new" &&
        mv -T "$3.nw-new" "$3"
      ;;
    remove) nw_keep "$2" && nw_remove "$2" ;;
    restore) nw_restore "$2" "$3" ;;
    drop) nw_sweep ;;
  esac
}
"""
"""`nw_file VERB ...` changes files; a change by `switch`, `put`, `link` or `remove` is undone by
`restore BATCH PATH`, one by `begin` (and what is staged) by `drop`."""
