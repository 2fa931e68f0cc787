package spec

import (
	_ "embed"
	"slices"
)

//go:embed template.yaml
var template []byte

// Template is the commented landlord.yaml that a beginner starts from. It is
// valid as it is.
func Template() []byte { return slices.Clone(template) }
