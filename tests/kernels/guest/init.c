/*
 * The stage of the kernel laboratory: PID 1 of a guest, or an ordinary program on a host.
 *
 * It plays a script (one operation a line, words %XX-escaped), tells what it saw in a stream of
 * named blobs, and touches no heap once memory is short: everything it needs is mapped, filled
 * and locked before the population is let loose.
 *
 * `end` closes a scene: what was seen is written, the population ends, and all that the scene set up is taken
 * back, so that the next one finds the guest as it was.
 *
 *   guest: /script is the script, the disk with serial number "out" takes the blobs, SCENE_BYTES for each scene
 *   host:  init SCRIPT OUTPUT
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ACTORS = 96, MAX_WORDS = 48, OUT_BYTES = 6 << 20, KMSG_BYTES = 3 << 20, TEXT_BYTES = 1 << 20 };
enum { SCENE_BYTES = 8 << 20, MAX_UNDO = 128 };
enum { FREE_REPORTS = 3, LIMITED_MS = 5200 }; /* the kernel reports ten kills in five seconds, no more */
enum { BLOCK = 4096 };

enum kind { PLAIN, VFORK, LEADERLESS, THREADED, SWAPOFF };

/* One page shared by the stage and all its actors. */
struct slot {
	volatile pid_t pid;
	volatile pid_t child;
	volatile int ready;
	volatile int children_ready;
	volatile int go;
	volatile int pushed_all;
};

struct shared {
	volatile int stop;
	struct slot slot[MAX_ACTORS];
};

struct actor {
	char name[64];
	enum kind kind;
	long anon_kb, file_kb, shmem_kb, push_kb, push_kb_s, tables_kb, huge_kb, child_kb, promised_kb;
	char push_how;
	int adj, has_adj, uid, threads, node, children, other, locked, paged_out, idle, spins, reaped, killed_by_lab;
	char cgroup[256];
};

static struct shared *shared;
static struct actor actors[MAX_ACTORS];
static int actor_count;
static int is_guest;
static int streaming;
static int deaths;
static int out_fd = -1;
static char *out, *kmsg, *text;
static size_t out_len, kmsg_len;
static int kmsg_fd = -1, kmsg_keep;
static long kmsg_lost;
static int reports;
static long reported_at;
static long page_size;
static char awaited[128];
static int awaited_seen;
static char script[1 << 19];
static char watched[64][224];
static int watched_count;
static char banner[1024];
static size_t banner_len;
static off_t scene_at;

/* What a scene has set up, in order: `w`rote a setting, made a `d`irectory, `m`ounted, `s`wapped on. */
struct undo {
	char what;
	char path[224];
	char old[64];
};
static struct undo undo[MAX_UNDO];
static int undo_count;
static int tracing_on;
static pid_t program; /* the one that `run` began */
static char *mapped_page; /* an actor's own */

static void say(const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (n > 0)
		(void)!write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };
	nanosleep(&t, NULL);
}

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

/* ---- blobs ------------------------------------------------------------------------------- */

static void put(const char *name, const void *data, size_t len)
{
	char head[320];
	int n = snprintf(head, sizeof head, "%%%s %zu\n", name, len);
	if (n < 0 || out_len + (size_t)n + len + 64 > OUT_BYTES)
		return;
	memcpy(out + out_len, head, (size_t)n);
	out_len += (size_t)n;
	memcpy(out + out_len, data, len);
	out_len += len;
	out[out_len++] = '\n';
}

static void putf(const char *name, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (n > 0)
		put(name, line, (size_t)n);
}

static size_t slurp(const char *path, char *into, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	if (fd < 0)
		return 0;
	while (len + 1 < room) {
		ssize_t n = read(fd, into + len, room - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	into[len] = 0;
	return len;
}

static void put_file(const char *name, const char *path)
{
	size_t len = slurp(path, text, TEXT_BYTES);
	if (len)
		put(name, text, len);
}

/* Everything so far, with the kernel's records as the last blob. */
static void flush_out(int last)
{
	size_t keep = out_len;
	put("kmsg", kmsg, kmsg_len);
	if (last)
		put("end", "", 0);
	size_t total = (out_len + BLOCK - 1) / BLOCK * BLOCK;
	memset(out + out_len, 0, total - out_len);
	for (size_t at = 0; at < total;) {
		ssize_t n = pwrite(out_fd, out + at, total - at > 65536 ? 65536 : total - at, scene_at + (off_t)at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	out_len = keep;
}

/* ---- the kernel's log -------------------------------------------------------------------- */

static void drain(void)
{
	static char record[16384];
	int fresh = 0;
	for (;;) {
		ssize_t n = read(kmsg_fd, record, sizeof record - 1);
		if (n < 0 && errno == EPIPE) {
			kmsg_lost++;
			continue;
		}
		if (n <= 0)
			break;
		record[n] = 0;
		if (is_guest && !banner_len && strstr(record, ";Linux version ") && (size_t)n < sizeof banner) {
			memcpy(banner, record, (size_t)n);
			banner_len = (size_t)n;
		}
		if (awaited[0] && strstr(record, awaited))
			awaited_seen = 1;
		if (kmsg_keep && strstr(record, " invoked oom-killer: ")) {
			reports++;
			reported_at = now_ms();
		}
		if (kmsg_keep && kmsg_len + (size_t)n < KMSG_BYTES) {
			memcpy(kmsg + kmsg_len, record, (size_t)n);
			kmsg_len += (size_t)n;
			fresh = 1;
		}
	}
	if (fresh && streaming && kmsg_keep)
		flush_out(0);
}

/* ---- small helpers of the script --------------------------------------------------------- */

static int write_file(const char *path, const char *value, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, value, len);
	int error = n < 0 ? -errno : 0;
	close(fd);
	return error;
}

static int hex(int c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s == '%' && s[1] && s[2]) {
			*to++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		if (errno != EEXIST)
			putf("note", "module %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The device of the virtio disk with this serial number. */
static int find_disk(const char *wanted, char device[32])
{
	char path[64], serial[64];
	for (char letter = 'a'; letter <= 'd'; letter++) {
		snprintf(path, sizeof path, "/sys/block/vd%c/serial", letter);
		memset(serial, 0, sizeof serial);
		if (slurp(path, serial, sizeof serial) && !strncmp(serial, wanted, strlen(wanted))) {
			snprintf(device, 32, "/dev/vd%c", letter);
			return 1;
		}
	}
	return 0;
}

static void remember(char what, const char *path)
{
	struct undo *u = &undo[undo_count];
	if (undo_count == MAX_UNDO) {
		putf("note", "too much to take back: %s", path);
		return;
	}
	u->what = what;
	snprintf(u->path, sizeof u->path, "%s", path);
	if (what == 'w' && !slurp(path, u->old, sizeof u->old))
		return;
	undo_count++;
}

static void swap_on(const char *device, long mib)
{
	static char header[65536] __attribute__((aligned(65536)));
	int fd = open(device, O_RDWR | O_CLOEXEC);
	off_t size = mib ? (off_t)mib << 20 : fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	memset(header, 0, sizeof header);
	*(uint32_t *)(header + 1024) = 1;
	*(uint32_t *)(header + 1028) = size ? (uint32_t)(size / page_size) - 1 : 0;
	memcpy(header + page_size - 10, "SWAPSPACE2", 10);
	if (fd < 0 || pwrite(fd, header, (size_t)page_size, 0) != page_size)
		putf("note", "mkswap %s: %s", device, strerror(errno));
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	if (swapon(device, 0))
		putf("note", "swapon %s: %s", device, strerror(errno));
}

/* ---- actors ------------------------------------------------------------------------------ */

static void touch(volatile char *at, long kb, int heed_stop)
{
	for (long done = 0; done < kb * 1024; done += page_size) {
		if (heed_stop && shared->stop)
			return;
		at[done] = 1;
	}
}

/* So much each hundredth of a second; what was missed is not made up for. */
static void touch_slowly(char *at, long kb, long kb_s)
{
	long share_kb = (kb_s / 100 * 1024 + page_size - 1) / page_size * page_size / 1024;
	for (long done = 0; done < kb && !shared->stop; done += share_kb) {
		touch(at + done * 1024, share_kb < kb - done ? share_kb : kb - done, 1);
		pause_ms(10);
	}
}

static char *map(long kb, int flags, int fd)
{
	char *at = mmap(NULL, (size_t)kb * 1024, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, 0);
	if (at == MAP_FAILED) {
		say("stage: cannot map %ld kB: %s\n", kb, strerror(errno));
		_exit(3);
	}
	madvise(at, (size_t)kb * 1024, MADV_NOHUGEPAGE);
	return at;
}

/* Page tables and hardly a page: the zero page is mapped once in each table's reach. */
static void fill_tables(long kb)
{
	long reach_kb = page_size / (long)sizeof(void *) * (page_size / 1024);
	long tables = kb * 1024 / page_size;
	volatile char *at = map(tables * reach_kb, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (long i = 0; i < tables; i++)
		(void)at[i * reach_kb * 1024];
}

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static void *idle_thread(void *unused)
{
	(void)unused;
	sleep_for_ever();
	return NULL;
}

/* SysV messages: the kernel's memory, in nobody's RSS. In a namespace of their own they end with their sender. */
static void fill_queues(long kb)
{
	static struct { long type; char text[2000]; } message = { 1, "" };
	static int queues[16384];
	int count = 0;
	if (unshare(CLONE_NEWIPC) || write_file("/proc/sys/kernel/msgmnb", "1048576", 7))
		say("stage: no queues of its own: %s\n", strerror(errno));
	for (long done = 0; done < kb && !shared->stop && count < 16384; count++) {
		queues[count] = msgget(IPC_PRIVATE, 0600);
		while (queues[count] >= 0 && !msgsnd(queues[count], &message, sizeof message.text, IPC_NOWAIT))
			done += 2;
	}
	while (!shared->stop)
		pause_ms(10);
	while (count)
		msgctl(queues[--count], IPC_RMID, NULL);
}

/* A pipe that holds this many pages, none of which is in a counter of the kernel. */
static int new_pipe(int *ends, long pages)
{
	return pipe2(ends, O_NONBLOCK) || fcntl(ends[0], F_SETPIPE_SZ, pages * page_size) < 0 ? -1 : 0;
}

static void allow_files(void)
{
	struct rlimit many = { 4096, 4096 };
	setrlimit(RLIMIT_NOFILE, &many);
}

static void fill_pipes(long kb)
{
	static char page[65536];
	int ends[2];
	allow_files();
	for (long done = 0; done < kb && !shared->stop && !new_pipe(ends, 256);)
		while (!shared->stop && write(ends[1], page, (size_t)page_size) == page_size)
			done += page_size / 1024;
	while (!shared->stop)
		pause_ms(10);
	close_range(3, ~0U, 0);
}

/* Every other page free and none of them to be moved: two pipes written by turns, one of them closed. Then blocks of eight. */
static void fragment(long spare_kb)
{
	static char page[65536];
	static int odd[1024][2], even[2];
	struct sysinfo info = { 0 };
	int count = 0;
	allow_files();
	while (count < 1024 && !new_pipe(odd[count], 256) && !new_pipe(even, 256)) {
		while (write(odd[count][1], page, (size_t)page_size) == page_size &&
		       write(even[1], page, (size_t)page_size) == page_size)
			;
		count++;
		sysinfo(&info);
		if (info.freeram * info.mem_unit / 1024 < (unsigned long)spare_kb)
			break;
	}
	while (count--)
		close(odd[count][0]), close(odd[count][1]);
	while (!shared->stop && !new_pipe(even, 512))
		;
	while (!shared->stop)
		pause_ms(10);
	close_range(3, ~0U, 0);
}

/* On the disk that `disk files /files` has mounted; gone from there once it is closed. */
static int own_file(void)
{
	char path[64];
	snprintf(path, sizeof path, "/files/%d", (int)getpid());
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || unlink(path))
		say("stage: %s: %s\n", path, strerror(errno));
	return fd;
}

static void fill_file(long kb)
{
	static char page[65536];
	int fd = own_file();
	for (long done = 0; done < kb && !shared->stop; done += page_size / 1024)
		if (write(fd, page, (size_t)page_size) != page_size)
			break;
	while (!shared->stop)
		pause_ms(10);
	close(fd);
}

/* The kernel itself writes to the mapped page: it waits for a suspended file system with the memory map locked for reading. */
static void fill_mapped_page(void)
{
	int zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (read(zeroes, mapped_page, 1) != 1)
		say("stage: mapped page: %s\n", strerror(errno));
	close(zeroes);
}

/* Resetting the peak of its RSS takes the lock of the other's memory map for writing, and does no more. */
static void lock_map_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
	int error = write_file(path, "5", 1);
	if (error)
		say("stage: %s: %s\n", path, strerror(-error));
}

/* Told to stop, it gives back what it took: the scene is over, and reading /proc must not cost another life. */
static void push(const struct actor *a, struct slot *slot)
{
	if (a->push_how == 't') {
		static char page[65536];
		int fd = memfd_create("filler", 0);
		for (long done = 0; done < a->push_kb && !shared->stop; done += page_size / 1024)
			if (write(fd, page, (size_t)page_size) < 0)
				break;
		if (shared->stop)
			close(fd);
	} else if (a->push_how == 'q') {
		fill_queues(a->push_kb);
	} else if (a->push_how == 'p') {
		fill_pipes(a->push_kb);
	} else if (a->push_how == 'f') {
		fragment(a->push_kb);
	} else if (a->push_how == 'd') {
		fill_file(a->push_kb);
	} else if (a->push_how == 'm') {
		fill_mapped_page();
	} else if (a->push_how == 'l') {
		lock_map_of(shared->slot[a->other].pid);
	} else {
		int flags = MAP_ANONYMOUS | (a->push_how == 's' ? MAP_SHARED : MAP_PRIVATE);
		char *at = map(a->push_kb, flags, -1);
		if (a->push_kb_s)
			touch_slowly(at, a->push_kb, a->push_kb_s);
		else
			touch(at, a->push_kb, 1);
		if (shared->stop)
			munmap(at, (size_t)a->push_kb * 1024);
	}
	slot->pushed_all = 1;
}

static void perform(const struct actor *a, struct slot *slot)
{
	while (!slot->go)
		pause_ms(10);
	while (a->spins && !shared->stop)
		;
	if (a->kind == SWAPOFF)
		swapoff("/swap");
	else if (a->push_kb || strchr("lm", a->push_how))
		push(a, slot);
	sleep_for_ever();
}

static const struct actor *thread_actor;
static struct slot *thread_slot;

static void *second_thread(void *unused)
{
	(void)unused;
	pause_ms(50);
	prctl(PR_SET_NAME, "survivor");
	thread_slot->ready = 1;
	perform(thread_actor, thread_slot);
	return NULL;
}

/* The parent's memory is shared with it until written; the n-th child has n times 512 KiB more of its own. */
static void be_child(const struct actor *a, struct slot *slot, int n)
{
	char name[24];
	long kb = a->child_kb + n * 512L;
	snprintf(name, sizeof name, "child-%d", n);
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	touch(map(kb, MAP_PRIVATE | MAP_ANONYMOUS, -1), kb, 0);
	__sync_fetch_and_add(&slot->children_ready, 1);
	sleep_for_ever();
}

static void become(const struct actor *a, struct slot *slot)
{
	char value[32];
	prctl(PR_SET_NAME, a->name);
	if (a->cgroup[0] && write_file(a->cgroup, "0", 1)) {
		say("stage: %s: %s\n", a->cgroup, strerror(errno));
		_exit(4);
	}
	if (a->has_adj) {
		int n = snprintf(value, sizeof value, "%d", a->adj);
		int error = write_file("/proc/self/oom_score_adj", value, (size_t)n);
		if (error)
			say("stage: oom_score_adj %d: %s\n", a->adj, strerror(-error));
	}
	if (a->node >= 0) {
		unsigned long mask = 1UL << a->node;
		if (syscall(SYS_set_mempolicy, 2 /* MPOL_BIND */, &mask, 64UL))
			say("stage: set_mempolicy: %s\n", strerror(errno));
	}
	if (a->uid && (setresgid((gid_t)a->uid, (gid_t)a->uid, (gid_t)a->uid) ||
		       setresuid((uid_t)a->uid, (uid_t)a->uid, (uid_t)a->uid)))
		say("stage: uid %d: %s\n", a->uid, strerror(errno));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct sched_param param = { 0 };
	if (a->idle && sched_setscheduler(0, SCHED_IDLE, &param))
		say("stage: SCHED_IDLE: %s\n", strerror(errno));
	if (a->anon_kb) {
		char *at = map(a->anon_kb, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		touch(at, a->anon_kb, 0);
		if (a->locked && mlock(at, (size_t)a->anon_kb * 1024))
			say("stage: mlock: %s\n", strerror(errno));
		if (a->paged_out && madvise(at, (size_t)a->anon_kb * 1024, 21 /* MADV_PAGEOUT */))
			say("stage: MADV_PAGEOUT: %s\n", strerror(errno));
	}
	if (a->promised_kb && mmap(NULL, (size_t)a->promised_kb * 1024, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		say("stage: promised: %s\n", strerror(errno));
	if (a->tables_kb)
		fill_tables(a->tables_kb);
	if (a->huge_kb)
		touch(map(a->huge_kb, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1), a->huge_kb, 0);
	if (a->shmem_kb)
		touch(map(a->shmem_kb, MAP_SHARED | MAP_ANONYMOUS, -1), a->shmem_kb, 0);
	if (a->file_kb) {
		char path[64];
		snprintf(path, sizeof path, "/ram/%d", (int)getpid());
		int fd = open(path, O_RDWR | O_CREAT, 0600);
		if (fd < 0 || ftruncate(fd, a->file_kb * 1024))
			say("stage: %s: %s\n", path, strerror(errno));
		touch(map(a->file_kb, MAP_SHARED, fd), a->file_kb, 0);
		close(fd);
		unlink(path);
	}
	if (a->push_how == 'm') {
		int fd = own_file();
		if (ftruncate(fd, page_size))
			say("stage: file: %s\n", strerror(errno));
		mapped_page = map(page_size / 1024, MAP_SHARED, fd);
		close(fd);
	}
	for (int i = 0; i < a->children; i++)
		if (fork() == 0)
			be_child(a, slot, i);
	while (slot->children_ready < a->children)
		pause_ms(2);
	for (int i = 1; i < a->threads; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, idle_thread, NULL))
			say("stage: no thread %d\n", i);
	}
	if (a->kind == VFORK) {
		pid_t child = vfork();
		if (child == 0) {
			slot->child = (pid_t)syscall(SYS_getpid);
			prctl(PR_SET_NAME, "vforked");
			slot->ready = 1;
			sleep_for_ever();
		}
		sleep_for_ever();
	}
	if (a->kind == LEADERLESS || a->kind == THREADED) {
		pthread_t thread;
		thread_actor = a;
		thread_slot = slot;
		if (pthread_create(&thread, NULL, second_thread, NULL))
			say("stage: no second thread\n");
		if (a->kind == LEADERLESS)
			syscall(SYS_exit, 0);
		sleep_for_ever();
	}
	slot->ready = 1;
	perform(a, slot);
}

static void spawn(int index)
{
	struct actor *a = &actors[index];
	struct slot *slot = &shared->slot[index];
	pid_t pid = fork();
	if (pid == 0) {
		become(a, slot);
		_exit(0);
	}
	slot->pid = pid;
	while (pid > 0 && !slot->ready) {
		int status;
		if (waitpid(pid, &status, WNOHANG) == pid) {
			putf("note", "actor %d ended early, status 0x%x", index, status);
			a->reaped = 1;
			return;
		}
		pause_ms(2);
	}
	putf("actor", "%d %d %d %d", index, (int)pid, (int)slot->child, (int)a->kind);
}

static void reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int by_lab = 0;
		for (int i = 0; i < actor_count; i++)
			if (shared->slot[i].pid == pid) {
				actors[i].reaped = 1;
				by_lab = actors[i].killed_by_lab;
			}
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !by_lab)
			deaths++;
		if (pid == program)
			program = 0;
		putf("death", "%d 0x%x %d", (int)pid, status, by_lab);
	}
}

static void tick(long ms)
{
	drain();
	reap();
	pause_ms(ms);
}

/* ---- what the population looks like ------------------------------------------------------ */

static void put_proc(const char *when, int pid, const char *leaf, const char *under)
{
	char path[96], name[96];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, leaf);
	snprintf(name, sizeof name, "%s/%d/%s", when, pid, under);
	put_file(name, path);
}

static int numeric(const char *s)
{
	return *s >= '0' && *s <= '9';
}

static int is_actor(int pid)
{
	for (int i = 0; i < actor_count; i++)
		if (shared->slot[i].pid == pid || shared->slot[i].child == pid)
			return 1;
	return 0;
}

static void snapshot(const char *when, int in_full)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char path[96];
	while (dir && (entry = readdir(dir))) {
		if (!numeric(entry->d_name))
			continue;
		int pid = atoi(entry->d_name);
		if (!is_guest && !is_actor(pid))
			continue;
		snprintf(path, sizeof path, "/proc/%d/status", pid);
		if (!slurp(path, text, TEXT_BYTES))
			continue;
		int zombie = strstr(text, "State:\tZ") != NULL;
		int leaderless = zombie && !strstr(text, "Threads:\t1\n");
		if (!strstr(text, "VmSize:") && !leaderless && !(zombie && !in_full))
			continue;
		if (!in_full) {
			putf("alive", "%d %d", pid, zombie && !leaderless);
			continue;
		}
		put_proc(when, pid, "status", "status");
		put_proc(when, pid, "oom_score", "oom_score");
		put_proc(when, pid, "oom_score_adj", "oom_score_adj");
		put_proc(when, pid, "cgroup", "cgroup");
		put_proc(when, pid, "stat", "stat");
		if (leaderless) {
			snprintf(path, sizeof path, "/proc/%d/task", pid);
			DIR *tasks = opendir(path);
			struct dirent *task;
			while (tasks && (task = readdir(tasks)))
				if (numeric(task->d_name) && atoi(task->d_name) != pid) {
					snprintf(path, sizeof path, "task/%d/status", atoi(task->d_name));
					put_proc(when, pid, path, path);
				}
			if (tasks)
				closedir(tasks);
		}
	}
	if (dir)
		closedir(dir);
	for (int i = 0; i < watched_count; i++) {
		char name[300];
		snprintf(name, sizeof name, "%s:%.220s", when, watched[i]);
		put_file(name, watched[i]);
	}
}

/* ---- the kernel's own arithmetic, where it lets us listen -------------------------------- */

static const char *tracing = "/sys/kernel/tracing";

struct btf_head {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len, type_off, type_len, str_off, str_len;
};

struct btf_entry {
	uint32_t name_off, info, size_or_type;
};

/* Byte offsets of task_struct's pid and comm, from the running kernel's BTF. */
static int task_offsets(long *pid_at, long *comm_at)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct stat st;
	*pid_at = *comm_at = -1;
	if (fd < 0 || fstat(fd, &st))
		return -1;
	size_t size = (size_t)st.st_size;
	char *btf = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t got = 0;
	ssize_t n;
	while (got < size && (n = read(fd, btf + got, size - got)) > 0)
		got += (size_t)n;
	close(fd);
	const struct btf_head *head = (const void *)btf;
	const char *names = btf + head->hdr_len + head->str_off;
	const char *at = btf + head->hdr_len + head->type_off;
	const char *end = at + head->type_len;
	while (got == size && at < end) {
		const struct btf_entry *t = (const void *)at;
		uint32_t kind = (t->info >> 24) & 0x1f, vlen = t->info & 0xffff;
		int bitfields = t->info >> 31;
		at += sizeof *t;
		if (kind == 4 && !strcmp(names + t->name_off, "task_struct"))
			for (uint32_t i = 0; i < vlen; i++) {
				const uint32_t *m = (const uint32_t *)at + i * 3;
				long bits = bitfields ? (long)(m[2] & 0xffffff) : (long)m[2];
				if (!strcmp(names + m[0], "pid"))
					*pid_at = bits / 8;
				if (!strcmp(names + m[0], "comm"))
					*comm_at = bits / 8;
			}
		switch (kind) {
		case 1: case 14: case 17: at += 4; break;      /* INT, VAR, DECL_TAG */
		case 3: at += 12; break;                       /* ARRAY */
		case 4: case 5: case 15: case 19: at += 12 * vlen; break; /* STRUCT, UNION, DATASEC, ENUM64 */
		case 6: case 13: at += 8 * vlen; break;        /* ENUM, FUNC_PROTO */
		default: break;
		}
	}
	munmap(btf, size);
	return *pid_at < 0 || *comm_at < 0 ? -1 : 0;
}

static void trace_write(const char *leaf, const char *value)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", tracing, leaf);
	int error = write_file(path, value, strlen(value));
	if (error)
		putf("note", "tracefs %s: %s", leaf, strerror(-error));
}

/* The probes stay armed through all scenes: each time they are, QEMU's CPUs may lock up over the patched code. */
static void trace_switch(const char *on)
{
	trace_write("tracing_on", on);
}

static void trace_prepare(void)
{
	char line[256];
	long pid_at, comm_at;
	mount("tracefs", tracing, "tracefs", 0, NULL);
	tracing_on = 1;
	if (!access("/sys/kernel/tracing/events/lab", F_OK))
		return;
	if (task_offsets(&pid_at, &comm_at)) {
		putf("note", "no BTF: no oracle");
		return;
	}
	trace_write("buffer_size_kb", "512");
	snprintf(line, sizeof line, "p:lab/ask oom_badness pid=+%ld($arg1):s32 comm=+%ld($arg1):string total=$arg2:u64\n",
		 pid_at, comm_at);
	trace_write("kprobe_events", line);
	int fd = open("/sys/kernel/tracing/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	static const char answer[] = "r:lab/answer oom_badness points=$retval:s64\n";
	if (fd < 0 || write(fd, answer, sizeof answer - 1) < 0)
		putf("note", "kretprobe: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	trace_switch("0");
	trace_write("events/lab/enable", "1");
	trace_write("events/oom/mark_victim/enable", "1");
}

/* Who is chosen and when, by CLOCK_MONOTONIC, and nothing else: no probe is armed. */
static void trace_victims(void)
{
	mount("tracefs", tracing, "tracefs", 0, NULL);
	tracing_on = 1;
	trace_write("trace_clock", "mono");
	trace_write("events/oom/mark_victim/enable", "1");
	trace_switch("1");
}

/* ---- a program beside the population ------------------------------------------------------- */

/* In a root of its own. What it says goes to the console. */
static void run_program(char **words)
{
	program = fork();
	if (program == 0) {
		setsid();
		if (chroot(words[0]) || chdir("/"))
			say("stage: %s: %s\n", words[0], strerror(errno));
		execv(words[1], words + 1);
		say("stage: %s: %s\n", words[1], strerror(errno));
		_exit(127);
	}
	putf("program", "%d", (int)program);
}

/* Asked to end; how it did is in its `death`. */
static void end_program(long ms)
{
	pid_t asked = program;
	kill(asked, SIGTERM);
	for (long limit = now_ms() + ms; program && now_ms() < limit;)
		tick(10);
	if (program)
		putf("note", "program %d does not end", (int)asked);
}

/* ---- the script -------------------------------------------------------------------------- */

static void parse_actor(char **words, int count)
{
	struct actor *a = &actors[actor_count];
	memset(a, 0, sizeof *a);
	a->node = -1;
	a->threads = 1;
	a->push_how = 'a';
	for (int i = 0; i < count; i++) {
		char *value = strchr(words[i], '=');
		if (!value)
			continue;
		*value++ = 0;
		const char *key = words[i];
		unescape(value);
		if (!strcmp(key, "name"))
			snprintf(a->name, sizeof a->name, "%s", value);
		else if (!strcmp(key, "cgroup"))
			snprintf(a->cgroup, sizeof a->cgroup, "%s/cgroup.procs", value);
		else if (!strcmp(key, "anon"))
			a->anon_kb = atol(value);
		else if (!strcmp(key, "file"))
			a->file_kb = atol(value);
		else if (!strcmp(key, "shmem"))
			a->shmem_kb = atol(value);
		else if (!strcmp(key, "push"))
			a->push_kb = atol(value);
		else if (!strcmp(key, "rate"))
			a->push_kb_s = atol(value);
		else if (!strcmp(key, "tables"))
			a->tables_kb = atol(value);
		else if (!strcmp(key, "huge"))
			a->huge_kb = atol(value);
		else if (!strcmp(key, "promised"))
			a->promised_kb = atol(value);
		else if (!strcmp(key, "children"))
			a->children = atoi(value);
		else if (!strcmp(key, "child"))
			a->child_kb = atol(value);
		else if (!strcmp(key, "locked"))
			a->locked = 1;
		else if (!strcmp(key, "idle"))
			a->idle = 1;
		else if (!strcmp(key, "spins"))
			a->spins = 1;
		else if (!strcmp(key, "paged_out"))
			a->paged_out = 1;
		else if (!strcmp(key, "how"))
			a->push_how = *value;
		else if (!strcmp(key, "adj"))
			a->adj = atoi(value), a->has_adj = 1;
		else if (!strcmp(key, "uid"))
			a->uid = (int)strtoul(value, NULL, 10);
		else if (!strcmp(key, "threads"))
			a->threads = atoi(value);
		else if (!strcmp(key, "other"))
			a->other = atoi(value);
		else if (!strcmp(key, "node"))
			a->node = atoi(value);
		else if (!strcmp(key, "kind"))
			a->kind = *value == 'v' ? VFORK : *value == 'l' ? LEADERLESS : *value == 't' ? THREADED : *value == 's' ? SWAPOFF : PLAIN;
	}
	spawn(actor_count++);
}

static void freeze(void)
{
	drain();
	pause_ms(400);
	drain();
	memcpy(kmsg, banner, banner_len);
	kmsg_len = banner_len;
	put_file("meminfo", "/proc/meminfo");
	put_file("zoneinfo", "/proc/zoneinfo");
	put_file("vmstat_before", "/proc/vmstat");
	put_file("swaps", "/proc/swaps");
	snapshot("frozen", 1);
	putf("page_size", "%ld", page_size);
	struct utsname names;
	if (!uname(&names)) {
		putf("release", "%s", names.release);
		putf("machine", "%s", names.machine);
	}
	putf("frozen_at", "%ld", now_ms());
	flush_out(0);
	write_file("/dev/kmsg", "stage: frozen", 13); /* cuts a console's capture */
	drain();
	kmsg_keep = 1;
}

static void wait_for(int wanted, long ms)
{
	long limit = now_ms() + ms;
	while (now_ms() < limit && (wanted ? deaths < wanted : 1)) {
		if (awaited[0] && awaited_seen)
			break;
		tick(2);
	}
}

static void kill_actor(int index)
{
	actors[index].killed_by_lab = 1;
	kill(shared->slot[index].pid, SIGKILL);
}

/* The pool for this many MiB of huge pages, whatever their size. */
static void set_hugepages(long mib)
{
	char value[32];
	long kb = 0;
	if (slurp("/proc/meminfo", text, TEXT_BYTES)) {
		const char *at = strstr(text, "Hugepagesize:");
		kb = at ? atol(at + 13) : 0;
	}
	remember('w', "/proc/sys/vm/nr_hugepages");
	snprintf(value, sizeof value, "%ld", kb ? mib * 1024 / kb : 0);
	if (!kb || write_file("/proc/sys/vm/nr_hugepages", value, strlen(value)))
		putf("note", "no huge pages");
}

static void set_suspended(const char *path, unsigned long request)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, request, 0))
		putf("note", "%s %s: %s", request == FIFREEZE ? "suspend" : "resume", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void end_scene(void);

static void perform_line(char *line)
{
	char *words[MAX_WORDS + 1], *save = NULL;
	int count = 0;
	for (char *w = strtok_r(line, " ", &save); w && count < MAX_WORDS; w = strtok_r(NULL, " ", &save))
		words[count++] = w;
	words[count] = NULL;
	if (!count || words[0][0] == '#')
		return;
	const char *op = words[0];
	if (!strcmp(op, "actor")) {
		parse_actor(words + 1, count - 1);
		return;
	}
	for (int i = 1; i < count; i++)
		unescape(words[i]);
	char *first = count > 1 ? words[1] : "", *second = count > 2 ? words[2] : "";
	char device[32];
	if (!strcmp(op, "module")) {
		load_module(first);
	} else if (!strcmp(op, "mount")) {
		mkdir(second, 0755);
		if (mount(first, second, first, 0, count > 3 ? words[3] : NULL))
			putf("note", "mount %s: %s", first, strerror(errno));
		else
			remember('m', second);
	} else if (!strcmp(op, "disk")) {
		mkdir(second, 0755);
		if (!find_disk(first, device) || mount(device, second, "ext4", 0, count > 3 ? words[3] : NULL))
			putf("note", "disk %s: %s", first, strerror(errno));
		else
			remember('m', second);
	} else if (!strcmp(op, "suspend")) { /* whoever writes to it waits */
		set_suspended(first, FIFREEZE);
	} else if (!strcmp(op, "resume")) {
		set_suspended(first, FITHAW);
	} else if (!strcmp(op, "mkdir")) {
		if (mkdir(first, 0755) && errno != EEXIST)
			putf("note", "mkdir %s: %s", first, strerror(errno));
		else
			remember('d', first);
	} else if (!strcmp(op, "hugepages")) {
		set_hugepages(atol(first));
	} else if (!strcmp(op, "write") || !strcmp(op, "set")) {
		if (*op == 's')
			remember('w', first);
		int error = write_file(first, second, strlen(second));
		if (error)
			putf("note", "write %s to %s: %s", second, first, strerror(-error));
	} else if (!strcmp(op, "swap")) {
		if (symlink(first, "/swap"))
			putf("note", "swap: %s", strerror(errno));
		swap_on(first, atol(second));
		remember('s', first);
	} else if (!strcmp(op, "watch")) {
		if (watched_count < 64)
			snprintf(watched[watched_count++], sizeof watched[0], "%s", first);
	} else if (!strcmp(op, "stream")) {
		streaming = 1;
	} else if (!strcmp(op, "oracle")) {
		trace_prepare();
	} else if (!strcmp(op, "victims")) {
		trace_victims();
	} else if (!strcmp(op, "run")) {
		run_program(words + 1);
	} else if (!strcmp(op, "end-program")) {
		end_program(atol(first));
	} else if (!strcmp(op, "listen")) {
		trace_switch("1");
	} else if (!strcmp(op, "freeze")) {
		freeze();
	} else if (!strcmp(op, "go")) {
		shared->slot[atoi(first)].go = 1;
	} else if (!strcmp(op, "pause")) {
		for (long until = now_ms() + atol(first); now_ms() < until;)
			tick(2);
	} else if (!strcmp(op, "await")) {
		snprintf(awaited, sizeof awaited, "%s", first);
	} else if (!strcmp(op, "wait")) {
		wait_for(atoi(first), atol(second));
		shared->stop = 1;
	} else if (!strcmp(op, "until")) { /* as wait, but those that push go on */
		wait_for(atoi(first), atol(second));
	} else if (!strcmp(op, "kill")) {
		kill_actor(atoi(first));
	} else if (!strcmp(op, "end")) {
		end_scene();
	} else {
		putf("note", "unknown operation %s", op);
	}
}

static void finish(void)
{
	if (tracing_on && is_guest) {
		trace_switch("0");
		put_file("trace", "/sys/kernel/tracing/trace");
		close(open("/sys/kernel/tracing/trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	}
	put_file("vmstat_after", "/proc/vmstat");
	snapshot("after", 0);
	drain();
	for (int i = 0; i < watched_count; i++) {
		char name[300];
		snprintf(name, sizeof name, "after:%.220s", watched[i]);
		put_file(name, watched[i]);
	}
	int n = klogctl(3, text, TEXT_BYTES);
	if (n > 0)
		put("syslog", text, (size_t)n);
	putf("kmsg_lost", "%ld", kmsg_lost);
	flush_out(1);
}

static void end_population(void)
{
	if (is_guest)
		kill(-1, SIGKILL);
	for (int i = 0; i < actor_count; i++)
		if (!actors[i].reaped && shared->slot[i].pid > 0) {
			if (shared->slot[i].child > 0)
				kill(shared->slot[i].child, SIGKILL);
			kill(shared->slot[i].pid, SIGKILL);
		}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static int take_back(const struct undo *u)
{
	switch (u->what) {
	case 'w': return write_file(u->path, u->old, strlen(u->old));
	case 'd': return rmdir(u->path) ? -errno : 0;
	case 'm': return umount(u->path) ? -errno : 0;
	default:
		unlink("/swap");
		return swapoff(u->path) && errno != EINVAL ? -errno : 0;
	}
}

static void end_scene(void)
{
	finish();
	end_population();
	if (!is_guest)
		return;
	out_len = 0;
	scene_at += SCENE_BYTES;
	while (reports > FREE_REPORTS && now_ms() < reported_at + LIMITED_MS)
		pause_ms(50);
	reports = 0;
	while (undo_count) {
		const struct undo *u = &undo[--undo_count];
		int error = 0;
		for (int i = 0; i < 150 && (error = take_back(u)); i++)
			pause_ms(20);
		if (error)
			putf("note", "left over: %s: %s", u->path, strerror(-error));
	}
	memset(shared, 0, sizeof *shared);
	actor_count = deaths = watched_count = streaming = awaited_seen = 0;
	awaited[0] = 0;
	kmsg_keep = 0;
	kmsg_lost = 0;
}

static char *buffer(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		_exit(5);
	memset(at, 0, bytes);
	madvise(at, bytes, MADV_DONTFORK);
	return at;
}

static int find_out_disk(void)
{
	char device[32];
	return find_disk("out", device) ? open(device, O_RDWR | O_DIRECT | O_CLOEXEC) : -1;
}

static void prepare_guest(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/ram", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("ramfs", "/ram", "ramfs", 0, "mode=1777");
	int fd = open("/dev/console", O_RDWR);
	if (fd >= 0)
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
}

static void play(void)
{
	char *save = NULL;
	for (char *line = strtok_r(script, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (is_guest && out_fd < 0 && strncmp(line, "module ", 7)) {
			for (int i = 0; i < 200 && (out_fd = find_out_disk()) < 0; i++)
				pause_ms(20);
			if (out_fd < 0)
				say("stage: no disk to write to\n");
		}
		perform_line(line);
	}
}

int main(int argc, char **argv)
{
	is_guest = getpid() == 1;
	page_size = sysconf(_SC_PAGESIZE);
	if (is_guest)
		prepare_guest();
	else if (argc != 3)
		return 2;
	out = buffer(OUT_BYTES);
	kmsg = buffer(KMSG_BYTES);
	text = buffer(TEXT_BYTES);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!slurp(is_guest ? "/script" : argv[1], script, sizeof script))
		say("stage: no script\n");
	if (!is_guest)
		out_fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg_fd < 0)
		say("stage: /dev/kmsg: %s\n", strerror(errno));
	mlockall(MCL_CURRENT);
	play();
	if (is_guest)
		reboot(RB_AUTOBOOT);
	return 0;
}
