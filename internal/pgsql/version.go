package pgsql

import "fmt"

// Version is a server's version number as server_version_num gives it: 180004
// is 18.4.
type Version int

// Major is the major version: 18.
func (v Version) Major() int { return int(v) / 10000 }

// Minor is the minor version: 4.
func (v Version) Minor() int { return int(v) % 10000 }

// String prints the version as people write it. Before 10, the major version
// had two numbers: 90224 is 9.2.24.
func (v Version) String() string {
	if v > 0 && v < 100000 {
		return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
	}
	return fmt.Sprintf("%d.%d", v.Major(), v.Minor())
}

// The oldest major that landlord changes, and the newest that it knows.
const (
	OldestMajor = 13
	NewestMajor = 18
)

// MembershipOptions says whether a membership has INHERIT and SET options of
// its own (since 16; before, ALTER ROLE … INHERIT decides for all).
func (v Version) MembershipOptions() bool { return v.Major() >= 16 }

// Maintain says whether tables have the MAINTAIN privilege (since 17).
func (v Version) Maintain() bool { return v.Major() >= 17 }

// ParameterACLs says whether parameters can be granted (since 15).
func (v Version) ParameterACLs() bool { return v.Major() >= 15 }
