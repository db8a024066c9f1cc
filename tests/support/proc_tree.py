"""A /proc made of files, for a recorder that is to be shown what no machine does on demand."""

from __future__ import annotations

import shutil
from pathlib import Path

_STATUS = """Name:\t{comm}
Umask:\t0022
State:\tS (sleeping)
Tgid:\t{pid}
Uid:\t0\t0\t0\t0
VmPeak:\t{size} kB
VmSize:\t{size} kB
VmHWM:\t{rss} kB
VmRSS:\t{rss} kB
RssAnon:\t{anon} kB
RssFile:\t{file} kB
RssShmem:\t{shmem} kB
VmData:\t1 kB
VmPTE:\t{pte} kB
VmSwap:\t{swap} kB
Threads:\t1
"""
_MEMINFO = "MemTotal:       8000000 kB\nMemFree:        {free} kB\nMemAvailable:   {free} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"


class ProcTree:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "self").mkdir(parents=True)
        (root / "self/mountinfo").write_text("")
        (root / "pressure").mkdir()
        (root / "vmstat").write_text("nr_free_pages 1\noom_kill 0\n")
        self.memory(4_000_000)

    def memory(self, free_kb: int) -> None:
        (self.root / "meminfo").write_text(_MEMINFO.format(free=free_kb))

    def vmstat(self, oom_kill: int) -> None:
        (self.root / "vmstat").write_text(f"nr_free_pages 1\noom_kill {oom_kill}\n")

    def process(
        self,
        pid: int,
        comm: str = "worker",
        anon: int = 4000,
        file: int = 400,
        shmem: int = 40,
        swap: int = 0,
        pte: int = 52,
        adj: int = 0,
        score: int = 667,
        starttime: int = 1000,
        flags: int = 0x400000,
    ) -> None:
        """Sizes in kB. Files are written in place, as /proc changes what an open descriptor reads."""
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        rss = anon + file + shmem
        (folder / "statm").write_text(f"{rss // 2} {rss // 4} {(file + shmem) // 4} 5 0 {anon // 4} 0\n")
        (folder / "status").write_text(
            _STATUS.format(
                comm=comm, pid=pid, size=rss * 2, rss=rss, anon=anon, file=file, shmem=shmem, pte=pte, swap=swap
            )
        )
        (folder / "stat").write_text(
            f"{pid} ({comm}) S 1 {pid} {pid} 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 1 0 {starttime} 9 9\n"
        )
        (folder / "oom_score_adj").write_text(f"{adj}\n")
        (folder / "oom_score").write_text(f"{score}\n")
        (folder / "cmdline").write_bytes(f"/usr/bin/{comm}\0--number\0{pid}\0".encode())
        (folder / "cgroup").write_text(f"0::/system.slice/{comm}.service\n")

    def kernel_thread(self, pid: int) -> None:
        self.process(pid, "kworker/0:1", flags=0x200000 | 0x40)
        (self.root / str(pid) / "statm").write_text("0 0 0 0 0 0 0\n")
        (self.root / str(pid) / "status").write_text(f"Name:\tkworker/0:1\nPid:\t{pid}\nThreads:\t1\n")

    def end(self, pid: int) -> None:
        """What a descriptor of a process that ended gives: nothing."""
        shutil.rmtree(self.root / str(pid))
