#!/bin/bash
# What the image of a pod does at its start: make host keys, and open ssh to PUBLIC_KEY.
set -e
umask 077
cd "$POD_FOLDER"
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N "" -f host_key
echo "$PUBLIC_KEY" > authorized_keys
cat > sshd_config <<END
Port $POD_SSH_PORT
ListenAddress 127.0.0.1
HostKey $PWD/host_key
AuthorizedKeysFile $PWD/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
SetEnv OMP_NUM_THREADS=$OMP_NUM_THREADS SHLVL=1
END
exec /usr/sbin/sshd -D -e -f sshd_config
