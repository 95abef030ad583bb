"""A file system that passes everything on to a directory, and refuses what a file says.

    refusing.py SOURCE MOUNTPOINT CONTROL

CONTROL is JSON, read at each call:

    refuse        the error number of each call, such as {"link": 1}; "noreplace" is a rename with RENAME_NOREPLACE
    names         a pattern of names that cannot be made (EINVAL)
    mode          the permissions that every file has, whatever chmod says
    kill          {"pid": 1, "at": 3} kills a process in place of the third call from now on that changes something
    no_space_told statfs says nothing
    write_to_lock what is not open for writing is not locked (EBADF), as on NFS
    held          the error number of a lock that somebody else has
"""
import errno
import fcntl
import json
import os
import re
import signal
import sys

import mfusepy


class Refusing(mfusepy.Operations):
    use_ns = True

    def __init__(self, source, control):
        self.source, self.control, self.calls, self.armed = source, control, 0, None

    def tell(self):
        with open(self.control) as f:
            self.told = json.load(f)
        return self.told

    def perform(self, op, path, *args):
        told = self.tell()
        kill = told.get("kill")
        if kill != self.armed:
            self.armed, self.calls = kill, 0
        if kill and op in CHANGES:
            self.calls += 1
            if self.calls >= kill["at"]:
                if self.calls == kill["at"]:
                    os.kill(kill["pid"], signal.SIGKILL)
                raise mfusepy.FuseOSError(errno.EIO)
        refuse = told.get("refuse") or {}
        if op in refuse:
            raise mfusepy.FuseOSError(refuse[op])
        new = args[0] if op in ("link", "rename") else path if op in ("create", "mkdir") else ""
        if told.get("names") and re.search(told["names"], os.path.basename(new)):
            raise mfusepy.FuseOSError(errno.EINVAL)
        try:
            return getattr(self, "do_" + op)(self.source + (path or ""), *args)  # a file that is removed and open has none
        except OSError as e:
            raise mfusepy.FuseOSError(e.errno) from None

    def do_access(self, path, mode):
        return 0 if os.access(path, mode) else -errno.EACCES

    def do_getattr(self, path, fh=None):
        st = os.fstat(fh) if fh else os.lstat(path)
        attrs = {k: getattr(st, k) for k in ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_ino")}
        for k in ("atime", "mtime", "ctime"):
            attrs["st_" + k] = getattr(st, "st_%s_ns" % k)
        if self.told.get("mode") is not None:
            attrs["st_mode"] = attrs["st_mode"] & ~0o777 | self.told["mode"]
        return attrs

    def do_readdir(self, path, fh):
        with os.scandir(path) as entries:  # without their types, as some file systems have it
            return [".", ".."] + [(e.name, {"st_ino": e.inode(), "st_mode": 0}, 0) for e in entries]

    def do_readlink(self, path):
        return os.readlink(path)

    def do_statfs(self, path):
        st = os.statvfs(path)
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize", "f_namemax")
        return {k: 0 if self.told.get("no_space_told") else getattr(st, k) for k in names}

    def do_open(self, path, flags):
        return os.open(path, flags & ~(os.O_CREAT | os.O_EXCL))

    def do_create(self, path, mode):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def do_read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def do_write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def do_truncate(self, path, length, fh=None):
        os.truncate(fh or path, length)

    def do_fsync(self, path, datasync, fh):
        os.fsync(fh)

    def do_fsyncdir(self, path, datasync, fh):
        return 0

    def do_release(self, path, fh):
        os.close(fh)

    def do_link(self, path, new):
        os.link(path, self.source + new)

    def do_rename(self, path, new):
        os.rename(path, self.source + new)

    def do_mkdir(self, path, mode):
        os.mkdir(path, mode)

    def do_rmdir(self, path):
        os.rmdir(path)

    def do_unlink(self, path):
        os.unlink(path)

    def do_chmod(self, path, mode):
        os.chmod(path, mode)

    def do_chown(self, path, uid, gid):
        os.lchown(path, uid, gid)

    def do_flock(self, path, fh, op):
        if self.told.get("write_to_lock") and op & fcntl.LOCK_EX and fcntl.fcntl(fh, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "not open for writing")
        try:
            fcntl.flock(fh, op)
        except BlockingIOError as e:
            raise OSError(self.told.get("held") or e.errno, "locked") from None

    def access(self, path, mode):
        return self.perform("access", path, mode)

    def getattr(self, path, fh=None):
        return self.perform("getattr", path, fh)

    def readdir(self, path, fh):
        return self.perform("readdir", path, fh)

    def readlink(self, path):
        return self.perform("readlink", path)

    def statfs(self, path):
        return self.perform("statfs", path)

    def open(self, path, flags):
        return self.perform("open", path, flags)

    def create(self, path, mode, fi=None):
        return self.perform("create", path, mode)

    def read(self, path, size, offset, fh):
        return self.perform("read", path, size, offset, fh)

    def write(self, path, data, offset, fh):
        return self.perform("write", path, data, offset, fh)

    def truncate(self, path, length, fh=None):
        return self.perform("truncate", path, length, fh) or 0

    def fsync(self, path, datasync, fh):
        return self.perform("fsync", path, datasync, fh) or 0

    def fsyncdir(self, path, datasync, fh):
        return self.perform("fsyncdir", path, datasync, fh) or 0

    def release(self, path, fh):
        return self.perform("release", path, fh) or 0

    def link(self, new, path):
        return self.perform("link", path, new) or 0

    def rename(self, path, new):
        return self.perform("rename", path, new) or 0

    def mkdir(self, path, mode):
        return self.perform("mkdir", path, mode) or 0

    def rmdir(self, path):
        return self.perform("rmdir", path) or 0

    def unlink(self, path):
        return self.perform("unlink", path) or 0

    def chmod(self, path, mode):
        return self.perform("chmod", path, mode) or 0

    def chown(self, path, uid, gid):
        return self.perform("chown", path, uid, gid) or 0

    def flock(self, path, fh, op):
        return self.perform("flock", path, fh, op) or 0


CHANGES = ("create", "write", "truncate", "fsync", "fsyncdir", "link", "rename", "mkdir", "unlink", "chmod", "chown")


class FUSE(mfusepy.FUSE):
    def rename_fuse_3(self, old, new, flags):
        refused = (self.operations.tell().get("refuse") or {}).get("noreplace")
        if flags and refused:
            return -refused
        return super().rename_fuse_3(old, new, flags)


if __name__ == "__main__":
    source, mountpoint, control = sys.argv[1:]
    os.umask(0)  # the kernel has applied the caller's
    options = {"foreground": True, "nothreads": True, "default_permissions": True, "allow_other": True, "use_ino": True, "hard_remove": True}
    try:
        FUSE(Refusing(os.path.realpath(source), control), mountpoint, attr_timeout=0, entry_timeout=0, **options)
    except RuntimeError as e:
        if e.args != (8,):  # it was asked to end: libfuse's lib/helper.c, fuse_main_real
            raise
