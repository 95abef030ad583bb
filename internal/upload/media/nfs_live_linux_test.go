//go:build live

package media_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
)

// nfs is a machine that exports a folder to itself.
var nfs = djangotest.Machine{Test: "TestNFS", Tags: "live", Memory: "256M", Prepare: func(dir string) error {
	err := djangotest.LoadModules("net/sunrpc/sunrpc", "lib/oid_registry", "net/sunrpc/auth_gss/auth_rpcgss",
		"fs/nfs_common/grace", "fs/nfs_common/nfs_acl", "fs/lockd/lockd", "fs/nfsd/nfsd",
		"fs/netfs/netfs", "fs/fscache/fscache", "net/dns_resolver/dns_resolver", "fs/nfs/nfs", "fs/nfs/nfsv4")
	if err != nil {
		return err
	}
	exported, mounted := filepath.Join(dir, "exported"), filepath.Join(dir, "mounted")
	if err := errors.Join(
		os.Mkdir(exported, 0o755), os.Mkdir(mounted, 0o755),
		unix.Mount("tmpfs", exported, "tmpfs", 0, ""), unix.Mount("nfsd", "/proc/fs/nfsd", "nfsd", 0, ""),
	); err != nil {
		return err
	}
	// What rpc.mountd would answer, for as long as the machine is there: who the client is, what the root's handle
	// stands for, and how it is exported (root_squash, insecure, fsid=0).
	for _, line := range []struct{ file, text string }{
		{"/proc/net/rpc/auth.unix.ip/channel", "nfsd 127.0.0.1 2147483647 client\n"},
		{"/proc/net/rpc/nfsd.fh/channel", "client 1 \\x00000000 2147483647 " + exported + "\n"},
		{"/proc/net/rpc/nfsd.export/channel", "client " + exported + " 2147483647 8198 65534 65534 0\n"},
		{"/proc/fs/nfsd/nfsv4gracetime", "10\n"},
		{"/proc/fs/nfsd/versions", "-2 -3\n"}, // which have a server for themselves be told
		{"/proc/fs/nfsd/threads", "2\n"},
	} {
		if err := os.WriteFile(line.file, []byte(line.text), 0o600); err != nil {
			return err
		}
	}
	// Nobody has anything to reclaim. Newer kernels (6.1.176) are busy where nobody keeps a list of clients: then the
	// share waits for the ten seconds.
	if err := os.WriteFile("/proc/fs/nfsd/v4_end_grace", []byte("Y\n"), 0o600); err != nil && !errors.Is(err, unix.EBUSY) {
		return err
	}
	return unix.Mount("127.0.0.1:/", mounted, "nfs4", 0, "addr=127.0.0.1,clientaddr=127.0.0.1,vers=4.2")
}}

func init() { nfs.AddTo(roles) }

// TestNFS: on a share, with a kernel's own server and client, uploads are published and what is left behind is swept.
func TestNFS(t *testing.T) {
	dir := djangotest.InMachine()
	if dir == "" {
		nfs.Run(t, roles)
		return
	}
	leaveBehind(t, filepath.Join(dir, "mounted"))
}
