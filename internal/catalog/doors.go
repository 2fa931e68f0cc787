package catalog

import (
	"fmt"
	"slices"
	"strings"

	"landlord/internal/pgsql"
)

// doors are functions of the system's own that are asked after one by one, by
// their numbers, which are the same on every server: those by which large
// objects are made and written, those for advisory locks, those that read
// control data, write-ahead log and others' sessions (the last five from 17 and
// 18 on), and those that write messages into the write-ahead log.
var doors = struct{ large, advisory, control, messages []uint32 }{
	large: []uint32{715, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172, 3457, 3458, 3459, 3460},
	advisory: []uint32{2880, 2881, 2882, 2883, 2884, 2885, 2886, 2887, 2888, 2889, 2890, 2891, 2892,
		3089, 3090, 3091, 3092, 3093, 3094, 3095, 3096},
	control:  []uint32{3441, 3442, 3443, 3444, 6321, 6322, 6323, 6386, 6313},
	messages: []uint32{3577, 3578},
}

// numbers lists numbers of objects as SQL does.
func numbers[T uint16 | uint32](all []T) string {
	words := make([]string, len(all))
	for i, n := range all {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, ",")
}

func allDoors() string {
	return numbers(slices.Concat(doors.large, doors.advisory, doors.control, doors.messages))
}

// commons is the rest of the core's statement.
func commons() string { return strings.ReplaceAll(commonsSQL, "{{doors}}", allDoors()) }

// door notes whether PUBLIC may call a function, if it is one of the doors.
func (k *core) door(oid uint32, acl pgsql.ACL) {
	open := acl == nil || slices.ContainsFunc(acl, func(it pgsql.ACLItem) bool { return it.Grantee == "" })
	switch {
	case slices.Contains(doors.large, oid):
		k.opened, k.shut = k.opened || open, k.shut || !open
	case slices.Contains(doors.advisory, oid):
		k.advisoryOpened, k.advisoryShut = k.advisoryOpened || open, k.advisoryShut || !open
	case slices.Contains(doors.control, oid):
		k.controlOpened = k.controlOpened || open
	case slices.Contains(doors.messages, oid):
		k.messagesOpened = k.messagesOpened || open
	}
}
