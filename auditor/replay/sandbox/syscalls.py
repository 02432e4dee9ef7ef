"""System calls by name with their numbers on x86-64 and AArch64, and which of them a submission may make.

Of the 242 allowed ones 99 were seen under strace (x86-64, glibc 2.36) when torch trained, saved and loaded, with two
ranks of gloo, workers of a DataLoader, gcc, bash, tar and coreutils; nothing then made was refused or unlisted. The
others are close relatives of these (older and newer forms, other ways to the same file, signal, clock or socket) and
were added from the manual. What is neither allowed nor refused by name is answered "not there" (ENOSYS), as by an
older kernel, so that libraries use what they used before.
"""

from __future__ import annotations

import errno
import os
from typing import Final

Numbers = dict[str, tuple[int | None, int | None]]


def _table(text: str) -> Numbers:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found: Numbers = {}
    for entry in "".join(lines).split(","):
        if entry.strip():
            name, x86, arm = entry.split()
            found[name] = (_number(x86), _number(arm))
    return found


def _number(word: str) -> int | None:
    return None if word == "-" else int(word)


ALLOWED: Final = _table("""
# files
access 21 -, chdir 80 49, chmod 90 -, close 3 57, close_range 436 436, creat 85 -, dup 32 23,
dup2 33 -, dup3 292 24, faccessat 269 48, faccessat2 439 439, fadvise64 221 223, fallocate 285 47,
fchdir 81 50, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, fchown 93 55, fchownat 260 54,
chown 92 -, lchown 94 -, fcntl 72 25, fdatasync 75 83, flock 73 32, fstat 5 80, fstatfs 138 44,
fsync 74 82, ftruncate 77 46, futimesat 261 -, getcwd 79 17, getdents 78 -, getdents64 217 61,
link 86 -, linkat 265 37, lseek 8 62, lstat 6 -, mkdir 83 -, mkdirat 258 34, mknod 133 -,
mknodat 259 33, newfstatat 262 79, open 2 -, openat 257 56, openat2 437 437, pread64 17 67,
preadv 295 69, preadv2 327 286, pwrite64 18 68, pwritev 296 70, pwritev2 328 287, read 0 63,
readahead 187 213, readlink 89 -, readlinkat 267 78, readv 19 65, rename 82 -, renameat 264 38,
renameat2 316 276, rmdir 84 -, sendfile 40 71, copy_file_range 326 285, splice 275 76, tee 276 77,
stat 4 -, statfs 137 43, statx 332 291, symlink 88 -, symlinkat 266 36, sync 162 81,
sync_file_range 277 84, syncfs 306 267, truncate 76 45, umask 95 166, unlink 87 -, unlinkat 263 35,
utime 132 -, utimensat 280 88, utimes 235 -, write 1 64, writev 20 66, fgetxattr 193 10,
getxattr 191 8, lgetxattr 192 9, listxattr 194 11, llistxattr 195 12, flistxattr 196 13,
setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15,
fremovexattr 199 16, cachestat 451 451, inotify_add_watch 254 27, inotify_init 253 -,
inotify_init1 294 26, inotify_rm_watch 255 28,
# memory
brk 12 214, madvise 28 233, mincore 27 232, mlock 149 228, mlock2 325 284, munlock 150 229,
mmap 9 222, mprotect 10 226, mremap 25 216, msync 26 227, munmap 11 215, mbind 237 235,
get_mempolicy 239 236, set_mempolicy 238 237, set_mempolicy_home_node 450 450, pkey_alloc 330 289,
pkey_free 331 290, pkey_mprotect 329 288, membarrier 324 283, mseal 462 462,
map_shadow_stack 453 453,
# processes
execve 59 221, execveat 322 281, exit 60 93, exit_group 231 94, fork 57 -, vfork 58 -,
wait4 61 260, waitid 247 95, kill 62 129, tkill 200 130, tgkill 234 131, pause 34 -,
getpgid 121 155, getpgrp 111 -, getpid 39 172, getppid 110 173, getsid 124 156, gettid 186 178,
setpgid 109 154, setsid 112 157, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
getresuid 118 148, getresgid 120 150, getgroups 115 158, capget 125 90, getpriority 140 141,
setpriority 141 140, getrlimit 97 163, setrlimit 160 164, getrusage 98 165, sysinfo 99 179,
times 100 153, uname 63 160, arch_prctl 158 -, set_tid_address 218 96, set_robust_list 273 99,
get_robust_list 274 100, rseq 334 293, restart_syscall 219 128, pidfd_open 434 434,
pidfd_send_signal 424 424, getcpu 309 168, sched_getaffinity 204 123, sched_setaffinity 203 122,
sched_getattr 315 275, sched_getparam 143 121, sched_getscheduler 145 120,
sched_get_priority_max 146 125, sched_get_priority_min 147 126, sched_rr_get_interval 148 127,
sched_setattr 314 274, sched_setparam 142 118, sched_setscheduler 144 119, sched_yield 24 124,
ioprio_get 252 31, seccomp 317 277, landlock_create_ruleset 444 444, landlock_add_rule 445 445,
landlock_restrict_self 446 446,
# signals and time
rt_sigaction 13 134, rt_sigpending 127 136, rt_sigprocmask 14 135, rt_sigqueueinfo 129 138,
rt_sigreturn 15 139, rt_sigsuspend 130 133, rt_sigtimedwait 128 137, rt_tgsigqueueinfo 297 240,
sigaltstack 131 132, signalfd 282 -, signalfd4 289 74, alarm 37 -, getitimer 36 102,
setitimer 38 103, clock_getres 229 114, clock_gettime 228 113, clock_nanosleep 230 115,
nanosleep 35 101, gettimeofday 96 169, time 201 -, timer_create 222 107, timer_delete 226 111,
timer_getoverrun 225 109, timer_gettime 224 108, timer_settime 223 110, timerfd_create 283 85,
timerfd_gettime 287 87, timerfd_settime 286 86, getrandom 318 278,
# waiting
poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create 213 -, epoll_create1 291 20,
epoll_ctl 233 21, epoll_pwait 281 22, epoll_pwait2 441 441, epoll_wait 232 -, eventfd 284 -,
eventfd2 290 19, futex 202 98, futex_waitv 449 449, futex_wake 454 454, futex_wait 455 455,
futex_requeue 456 456, pipe 22 -, pipe2 293 59,
# sockets
accept 43 202, accept4 288 242, bind 49 200, connect 42 203, getpeername 52 205, getsockname 51 204,
getsockopt 55 209, listen 50 201, recvfrom 45 207, recvmmsg 299 243, recvmsg 47 212,
setsockopt 54 208, shutdown 48 210, socketpair 53 199,
""")
"""Allowed whatever their arguments."""

REFUSED: Final = _table("""
# other processes
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, kcmp 312 272,
pidfd_getfd 438 438, process_madvise 440 440, process_mrelease 448 448, move_pages 279 239,
migrate_pages 256 238,
# file systems and roots
mount 165 40, umount2 166 39, pivot_root 155 41, move_mount 429 429, open_tree 428 428,
open_tree_attr 467 467, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433,
mount_setattr 442 442, statmount 457 457, listmount 458 458, chroot 161 51, unshare 272 97,
setns 308 268, name_to_handle_at 303 264, open_by_handle_at 304 265, fanotify_init 300 262,
fanotify_mark 301 263, quotactl 179 60, quotactl_fd 443 443, acct 163 89, swapon 167 224,
swapoff 168 225, sysfs 139 -, ustat 136 -, uselib 134 -, lookup_dcookie 212 18,
# the kernel
bpf 321 280, perf_event_open 298 241, userfaultfd 323 282, init_module 175 105, finit_module 313 273,
delete_module 176 106, kexec_load 246 104, kexec_file_load 320 294, reboot 169 142, syslog 103 116,
iopl 172 -, ioperm 173 -, modify_ldt 154 -, vmsplice 278 75, memfd_secret 447 447, vhangup 153 58,
nfsservctl 180 42, add_key 248 217, request_key 249 218, keyctl 250 219, lsm_set_self_attr 460 460,
# the machine
settimeofday 164 170, clock_settime 227 112, clock_adjtime 305 266, adjtimex 159 171,
sethostname 170 161, setdomainname 171 162, ioprio_set 251 30, mlockall 151 230,
# memory that outlives a process or that no limit counts
shmget 29 194, shmat 30 196, shmctl 31 195, shmdt 67 197, semget 64 190, semop 65 193,
semctl 66 191, semtimedop 220 192, msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187,
mq_open 240 180, mq_unlink 241 181, mq_timedsend 242 182, mq_timedreceive 243 183, mq_notify 244 184,
mq_getsetattr 245 185,
# users and rights
setuid 105 146, setgid 106 144, setreuid 113 145, setregid 114 143, setresuid 117 147,
setresgid 119 149, setgroups 116 159, setfsuid 122 151, setfsgid 123 152, capset 126 91,
""")
"""Refused with EPERM: they reach other processes, file systems, the kernel, the machine, or escape a limit."""

CHECKED: Final = _table("""
clone 56 220, clone3 435 435, socket 41 198, sendto 44 206, sendmsg 46 211, sendmmsg 307 269,
prctl 157 167, ioctl 16 29, prlimit64 302 261, personality 135 92, io_uring_setup 425 425,
io_uring_enter 426 426, io_uring_register 427 427, memfd_create 319 279,
""")
"""Decided by their arguments, or answered "not there"; see `seccomp`."""


def number(name: str) -> int:
    """The number of a call on this machine.

    Raises:
        OSError: the architecture is not known or has no such call.
    """
    column = {"x86_64": 0, "aarch64": 1}.get(os.uname().machine)
    found = {**ALLOWED, **REFUSED, **CHECKED}[name][column] if column is not None else None
    if found is None:
        raise OSError(errno.ENOSYS, f"no {name} on {os.uname().machine}", name)
    return found
