"""The cage from the inside: a program that shuts itself in, wall by wall, and becomes the child.

    python -I -S pipeline/cage/walls.py WALL... -- PROGRAM ARGUMENT...

It imports nothing of ours and little else, so that it starts quickly. A wall that this kernel does not know is left
out; one that it knows and that cannot be built ends the program before the child begins.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
import sys

# What programs of the system read to start, beside their folders.
SYSTEM_FILES = ("/etc/ld.so.cache", "/dev/urandom", "/dev/zero", "/sys/devices/system/cpu", "/proc/cpuinfo")
LIMITS = {
    "data": resource.RLIMIT_DATA,
    "space": resource.RLIMIT_AS,
    "cpu": resource.RLIMIT_CPU,
    "file": resource.RLIMIT_FSIZE,
    "files": resource.RLIMIT_NOFILE,
    "core": resource.RLIMIT_CORE,
}
CANNOT_START, SIGKILL = 127, 9

# linux/prctl.h, linux/sched.h, linux/seccomp.h
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
SECCOMP_MODE_FILTER = 2
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
MOST_CAPABILITIES = 64

# linux/landlock.h; the numbers of its calls are the same on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
# How many rights to files each version knows.
RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15}
NEWEST_RIGHTS = 16
ALL_TCP, ALL_SCOPES = 0b11, 0b11
RULE_PATH_BENEATH = 1

# Calls that no child of ours needs, by their numbers on x86-64 and on 64-bit ARM (0: there is none): sockets of any
# family; other processes; doors into the kernel; what Landlock does not watch over.
REFUSED_CALLS = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "io_uring_setup": (425, 425),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "truncate": (76, 45),
    "chmod": (90, 0),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
}
# AUDIT_ARCH (linux/audit.h), the column above, and the number of clone.
MACHINES = {"x86_64": (0xC000003E, 0, 56), "aarch64": (0xC00000B7, 1, 220)}
CLONE3, X32 = 435, 0x40000000
# linux/bpf_common.h, linux/filter.h
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
AT_NUMBER, AT_ARCHITECTURE, AT_FIRST_ARGUMENT = 0, 4, 16

_libc = ctypes.CDLL(None, use_errno=True)
# Pointers take numbers, bytes and None alike.
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_void_p] * 4
_libc.syscall.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 4


def main(arguments: list[str]) -> None:
    """Shut this process in, and become the program; without one, print the walls that stand."""
    at = arguments.index("--")
    walls = [(name, value) for name, _, value in (each.partition("=") for each in arguments[:at])]
    program = arguments[at + 1 :]
    standing = ["network"] if _leave_the_network() else []
    for name, value in walls:
        if name in LIMITS:
            resource.setrlimit(LIMITS[name], (int(value), int(value)))
    _drop_capabilities()
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _keep_to_files(walls):
        standing.append("files")
    if _refuse_calls():
        standing.append("calls")
    for name, value in walls:
        if name == "parent":
            _die_with(int(value))
    if program:
        os.execv(program[0], program)  # noqa: S606
    print(*standing)


def _leave_the_network() -> bool:
    """A network of its own with nothing in it: as root at once, else in a user namespace, as the same user."""
    if _libc.unshare(CLONE_NEWNET) == 0:
        return True
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    lines = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    for name, line in lines.items():
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
        except OSError:
            # Then it is called nobody in there. Whose files it may open does not change by that.
            break
    return True


def _drop_capabilities() -> None:
    """So that nothing it becomes has any, also where the service runs as root. Who has none cannot drop any."""
    for capability in range(MOST_CAPABILITIES):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            return


def _keep_to_files(walls: list[tuple[str, str]]) -> bool:
    """Landlock: of all files only those that were named. Each version watches over more.

    :raises OSError: a wall could not be built although the kernel knows how to
    """
    version = _libc.syscall(CREATE_RULESET, None, 0, 1, 0)
    if version < 1:
        return False
    rights = (1 << RIGHTS_BY_VERSION.get(version, NEWEST_RIGHTS)) - 1
    asked = struct.pack("QQQ", rights, ALL_TCP if version >= 4 else 0, ALL_SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _checked(_libc.syscall(CREATE_RULESET, asked, size, 0, 0))
    reading, writing = READ_FILE | READ_DIR, READ_FILE | WRITE_FILE | TRUNCATE
    allowed = {"read": reading, "run": reading | EXECUTE, "write": writing, "list": READ_DIR}
    for path in SYSTEM_FILES:
        _allow(ruleset, path, reading & rights)
    _allow(ruleset, "/dev/null", writing & rights)
    for name, path in walls:
        if name in allowed:
            _allow(ruleset, path, allowed[name] & rights)
    _checked(_libc.syscall(RESTRICT_SELF, ruleset, 0, 0, 0))
    os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        # What is not there needs no leave; nor does what a container hides.
        return
    if not os.path.isdir(path):
        rights &= ~READ_DIR
    rule = struct.pack("=Qi", rights, opened)
    _checked(_libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0))
    os.close(opened)


def _refuse_calls() -> bool:
    """seccomp: the calls above fail with EPERM; nothing else changes."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return False
    architecture, column, clone = machine
    numbers = sorted({numbers[column] for numbers in REFUSED_CALLS.values()} - {0})
    # Whoever is told that there is no clone3 takes clone, whose flags can be looked at.
    lines = [
        (LOAD, 0, 0, AT_ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, AT_NUMBER),
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
        *((EQUAL, len(numbers) + 4 - at, 0, number) for at, number in enumerate(numbers)),
        (AT_LEAST, 4, 0, X32),
        (EQUAL, 0, 2, clone),
        (LOAD, 0, 0, AT_FIRST_ARGUMENT),
        (ANY_BIT, 1, 0, CLONE_NEWUSER),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE | errno.EPERM),
    ]
    return install(lines)


def install(lines: list[tuple[int, int, int, int]]) -> bool:
    """A filter of system calls for this process, from lines of classic BPF: code, jumps if true and if not, operand."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("HP", len(lines), ctypes.addressof(code))
    return bool(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0)


def _die_with(parent: int) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("whoever started this is gone")


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, ValueError, MemoryError) as error:
        # A limit above one that already holds is a ValueError.
        reason = getattr(error, "strerror", None) or error
        sys.stderr.write(f"the cage could not be built: {reason}\n")
        sys.exit(CANNOT_START)
