// Package spec reads and writes landlord.yaml: the file in which somebody
// says which customers they have. It is pure: bytes in, values out.
//
// [Parse] reports every mistake of a file at once, each with its place. The
// keys, their types, defaults and sentences stand in one table ([Keys]), from
// which the JSON Schema, the reference page and the suggestions for typos all
// come.
package spec
