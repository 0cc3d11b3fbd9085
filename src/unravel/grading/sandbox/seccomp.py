"""Seccomp: the system calls that a computation needs, and no other.

An allow list, because a deny list has to be right about every call that a kernel will ever grow. What a learner may
plausibly try (a socket, a process, a file to write) is refused with EPERM, so that Python raises PermissionError and
the report can say so. Everything else answers ENOSYS: the C library takes that for an old kernel and falls back.

The program is assembled once, in the zygote, by libseccomp; a child installs the finished bytes with one call.
"""

from __future__ import annotations

import ctypes
import errno
import tempfile
from typing import Any

from unravel.grading.sandbox.system import PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, prctl

_FILTER_MODE = 2

_MEMORY = "brk mmap munmap mprotect mremap madvise mincore msync mlock munlock membarrier pkey_alloc pkey_free"
_READING = (
    "read pread64 readv preadv preadv2 lseek _llseek close close_range access faccessat faccessat2 stat lstat "
    "fstat newfstatat fstatat64 statx statfs fstatfs readlink readlinkat getdents getdents64 getcwd fadvise64 "
    "dup dup2 dup3 flock "
)
_WRITING = "write writev pwrite64 pwritev pwritev2 fsync fdatasync umask"
_SOCKET = (
    "recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg shutdown getsockopt getsockname getpeername poll ppoll "
    "select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd "
    "eventfd2 pipe pipe2 "
)
_THREADS = (
    "futex futex_waitv futex_wait futex_wake set_robust_list get_robust_list set_tid_address rseq sched_yield "
    "sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min getcpu "
    "gettid exit exit_group restart_syscall "
)
_SIGNALS = "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause"
_TIME = (
    "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times alarm getitimer setitimer "
    "timer_create timer_settime timer_gettime timer_delete timer_getoverrun timerfd_create timerfd_settime "
    "timerfd_gettime "
)
_FACTS = (
    "getpid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getgroups getresuid getresgid "
    "getrusage getrlimit getpriority uname sysinfo getrandom capget arch_prctl "
)
ALLOWED = " ".join((_MEMORY, _READING, _WRITING, _SOCKET, _THREADS, _SIGNALS, _TIME, _FACTS)).split()

_TRIED_BY_LEARNERS = (
    # network and other processes' sockets
    "socket socketpair bind connect listen accept accept4 setsockopt "
    # programs and processes
    "execve execveat fork vfork setsid setpgid wait4 waitid "
    # signals, and reading other processes
    "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_getfd pidfd_send_signal ptrace "
    "process_vm_readv process_vm_writev process_madvise process_mrelease kcmp "
    # changing files
    "creat truncate ftruncate fallocate rename renameat renameat2 mkdir mkdirat rmdir unlink unlinkat link "
    "linkat symlink symlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat "
    "utime utimes utimensat futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr "
    "chdir fchdir memfd_create memfd_secret copy_file_range sendfile splice tee vmsplice sync syncfs "
    # shared memory, message queues, semaphores
    "shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semtimedop semctl mq_open mq_unlink "
    "mq_timedsend mq_timedreceive mq_notify "
    # who we are, and how we are scheduled
    "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset setrlimit "
    "personality nice setpriority ioprio_set sched_setaffinity sched_setattr sched_setparam "
    "sched_setscheduler sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex "
    # the system
    "mount umount2 pivot_root chroot unshare setns mount_setattr open_tree move_mount fsopen fsconfig fsmount "
    "fspick bpf perf_event_open keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register "
    "userfaultfd kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff "
    "open_by_handle_at name_to_handle_at fanotify_init inotify_init inotify_init1 inotify_add_watch quotactl "
    "acct syslog vhangup iopl ioperm lookup_dcookie set_mempolicy migrate_pages move_pages mbind modify_ldt "
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp "
)
REFUSED = _TRIED_BY_LEARNERS.split()

_CLONE_THREAD = 0x10000
_CLONE_NEW_NAMESPACES = 0x7E020000
_CLONE_EXIT_SIGNAL = 0xFF
_O_TRUNC = 0o1000
_UNKNOWN = -1
# Listed by what they do. What is left out matters: F_SETOWN with F_SETSIG, and FIOSETOWN, signal other processes;
# TIOCSTI types into a terminal; PR_SET_PDEATHSIG would let a child outlive the zygote.
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # dup, flags, locks, dup with cloexec
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # isatty, window size, bytes waiting, blocking, cloexec
_PRCTL = (3, 15, 16, 23, 39, 0x53564D41)  # dumpable?, thread name, capability?, no_new_privs?, name of a mapping


def available() -> bool:
    """Whether libseccomp is here, and the kernel knows filters."""
    try:
        prctl(21, what="seccomp mode")
        import pyseccomp  # noqa: F401
    except (ImportError, OSError, RuntimeError, AttributeError):
        return False
    return True


def program(*, landlock_abi: int) -> bytes:
    """The filter, as the bytes that `install` takes. Before ABI 3 landlock lets a file be truncated by opening it."""
    import pyseccomp as sc

    rules = sc.SyscallFilter(sc.ERRNO(errno.ENOSYS))
    rules.set_attr(sc.Attr.ACT_BADARCH, sc.KILL_PROCESS)
    for name in ALLOWED:
        _rule(rules, sc.ALLOW, name)
    for name in REFUSED:
        _rule(rules, sc.ERRNO(errno.EPERM), name)
    _threads_only(rules)
    for name, position, values in (("fcntl", 1, _FCNTL), ("ioctl", 1, _IOCTL), ("prctl", 0, _PRCTL)):
        for value in values:
            _rule(rules, sc.ALLOW, name, sc.Arg(position, sc.EQ, value))
    _rule(rules, sc.ALLOW, "prlimit64", sc.Arg(0, sc.EQ, 0))
    _rule(rules, sc.ERRNO(errno.EPERM), "prlimit64", sc.Arg(0, sc.NE, 0))
    for name, position in (("open", 1), ("openat", 2)):
        _rule(rules, sc.ALLOW, name, *_flags_of_open(position, landlock_abi))
    return _exported(rules)


def _threads_only(rules: Any) -> None:
    """clone makes threads and nothing else; clone3, whose flags a filter can't see, isn't there."""
    import pyseccomp as sc

    mask = _CLONE_THREAD | _CLONE_NEW_NAMESPACES | _CLONE_EXIT_SIGNAL
    _rule(rules, sc.ALLOW, "clone", sc.Arg(0, sc.MASKED_EQ, mask, _CLONE_THREAD))
    _rule(rules, sc.ERRNO(errno.EPERM), "clone", sc.Arg(0, sc.MASKED_EQ, _CLONE_THREAD, 0))


def _flags_of_open(position: int, landlock_abi: int) -> tuple[Any, ...]:
    import pyseccomp as sc

    return () if landlock_abi >= 3 else (sc.Arg(position, sc.MASKED_EQ, _O_TRUNC, 0),)


def _rule(rules: Any, action: int, name: str, *arguments: Any) -> None:
    """Adds a rule, unless this libseccomp is too old to know the call: then the default, ENOSYS, stands."""
    import pyseccomp as sc

    number = sc.resolve_syscall(sc.Arch.NATIVE, name)
    if number != _UNKNOWN:
        rules.add_rule(action, number, *arguments)


def _exported(rules: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(filter_program: bytes) -> None:
    """Binds this process to the program, for good."""
    passed = _Program(len(filter_program) // 8, filter_program)
    prctl(PR_SET_NO_NEW_PRIVS, 1, what="no_new_privs")
    prctl(PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(passed), what="seccomp")
