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
    systemd-update-utmp.service systemd-update-utmp-runlevel.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
