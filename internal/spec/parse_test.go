package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// mistake is an Error without what a test does not care about.
type mistake struct {
	Line, Column int
	Path         string
	Message      string
	Suggestion   string
}

func mistakes(t *testing.T, text string) []mistake {
	t.Helper()
	_, err := Parse("landlord.yaml", []byte(text))
	if err == nil {
		return nil
	}
	var list []mistake
	for _, e := range err.(*Errors).List {
		list = append(list, mistake{e.Line, e.Column, e.Path, e.Message, e.Suggestion})
	}
	return list
}

func TestTemplateIsValid(t *testing.T) {
	e, err := Parse("landlord.yaml", Template())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("again.yaml", Write(e))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, again, cmpopts.EquateComparable()); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}
}
