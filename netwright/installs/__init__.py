"""What installs decide, without I/O: settings, files, plans and gates of etcd and Docker."""
