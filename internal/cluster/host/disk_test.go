package host

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"landlord/internal/cluster"
)

// sysTree makes a /sys of links and files: a value that begins with > is a link.
func sysTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, link := strings.CutPrefix(text, ">"); link {
			err = os.Symlink(filepath.Join(root, to), path)
		} else {
			err = os.WriteFile(path, []byte(text+"\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestBlockDevice(t *testing.T) {
	sys := sysTree(t, map[string]string{
		"devices/sda/dev": "8:0", "devices/sda/queue/scheduler": "none [mq-deadline] kyber bfq",
		"devices/sda/sda1/dev": "8:1", "devices/sda/sda1/partition": "1", "dev/block/8:0": ">devices/sda", "dev/block/8:1": ">devices/sda/sda1",
		"devices/sdb/dev": "8:16", "devices/sdb/queue/scheduler": "none mq-deadline [bfq]", "dev/block/8:16": ">devices/sdb",
		"devices/sdc/dev": "8:32", "devices/sdc/queue/scheduler": "[none]", "dev/block/8:32": ">devices/sdc", "fs/cgroup/io.cost.qos": "8:32 enable=1 ctrl=auto\n8:0 enable=0 ctrl=auto",
		"devices/dm-0/dev": "253:0", "devices/dm-0/slaves/sdb": ">devices/sdb", "devices/dm-0/slaves/sda1": ">devices/sda/sda1", "dev/block/253:0": ">devices/dm-0",
		"devices/dm-1/dev": "253:1", "devices/dm-1/slaves/sdb": ">devices/sdb", "devices/dm-1/queue/scheduler": "none", "dev/block/253:1": ">devices/dm-1",
	})
	for number, want := range map[string]cluster.Disk{
		"8:0": {Name: "sda", Scheduler: "mq-deadline"}, "8:1": {Name: "sda", Scheduler: "mq-deadline"},
		"8:16": {Name: "sdb", Scheduler: "bfq"}, "8:32": {Name: "sdc", Scheduler: "none", Cost: true},
		"253:0": {Name: "sda", Scheduler: "mq-deadline"}, "253:1": {Name: "sdb", Scheduler: "bfq"},
	} {
		if got, ok := blockDevice(sys, number); !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", number, got, ok, want)
		}
	}
	if _, ok := blockDevice(sys, "0:27"); ok {
		t.Error("there is a disk where there is none")
	}
}

// TestDiskHere looks at this machine: memory is no disk, and what is not there yet
// stands on the disk of its directory.
func TestDiskHere(t *testing.T) {
	var st syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &st); err == nil && st.Type == 0x01021994 {
		if d := disk("/dev/shm/none/of/this"); d.Name != "" || d.FS != "tmpfs" || !strings.Contains(d.Weightless(), "tmpfs") {
			t.Errorf("/dev/shm: %+v", d)
		}
	}
	d := disk("/")
	if d.Name == "" {
		t.Skipf("SKIPPED, AND NOT TRIED: no disk is known of the root directory: %+v", d)
	}
	text, _ := os.ReadFile("/sys/block/" + d.Name + "/queue/scheduler")
	if d.Scheduler != "" && !strings.Contains(string(text), "["+d.Scheduler+"]") {
		t.Errorf("%+v; the kernel says %s", d, text)
	}
}
