package sudoers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"landlord/internal/sudoers"
)

func TestTrusted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: only root can make files that belong to root and to others")
	}
	base := must(os.MkdirTemp("/opt", "landlord-test-"))(t)
	t.Cleanup(func() { os.RemoveAll(base) })
	check(t, os.Chmod(base, 0o755))
	make := func(name string, mode, dirMode os.FileMode, owner, dirOwner int) string {
		file := filepath.Join(base, name, "landlord")
		check(t, os.Mkdir(filepath.Dir(file), 0o755))
		check(t, os.WriteFile(file, nil, 0o755))
		check(t, os.Chmod(file, mode))
		check(t, os.Chown(file, owner, -1))
		check(t, os.Chmod(filepath.Dir(file), dirMode))
		check(t, os.Chown(filepath.Dir(file), dirOwner, -1))
		return file
	}
	good := make("good", 0o755, 0o755, 0, 0)
	link := filepath.Join(base, "link")
	check(t, os.Symlink(filepath.Dir(good), link))
	postgres := make("postgres", 0o600, 0o700, 101, 101)
	for _, c := range []struct {
		file, want string
		owners     []uint32
	}{
		{good, "", nil},
		{postgres, "", []uint32{101}},
		{postgres, "belongs to user 101", nil},
		{make("world", 0o757, 0o755, 0, 0), "mode 0757", nil},
		{make("group", 0o775, 0o755, 0, 0), "chmod go-w", nil},
		{make("worldDir", 0o755, 0o777, 0, 0), "mode 0777", nil},
		{make("sticky", 0o755, 0o777|os.ModeSticky, 0, 0), "everybody may put files", nil},
		{make("owner", 0o755, 0o755, 65534, 0), "belongs to user 65534", nil},
		{make("ownerDir", 0o755, 0o755, 0, 65534), "belongs to user 65534", nil},
		{link + "/landlord", "symbolic link", nil},
		{filepath.Dir(good), "not a regular file", nil},
		{good + "x", "no such file", nil},
		{"landlord", "not an absolute path", nil},
	} {
		err := sudoers.Trusted(c.file, c.owners...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
	}
}
