package spec

import (
	"encoding/json"
	"strings"

	"landlord/internal/tenant"
)

// schema is the part of JSON Schema that landlord.yaml needs.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name or several
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     int                `json:"minimum,omitempty"`
	Maximum     int                `json:"maximum,omitempty"`
	MinLength   int                `json:"minLength,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Names       *schema            `json:"propertyNames,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or a schema for free names
	Required    []string           `json:"required,omitempty"`
}

// JSONSchema describes landlord.yaml for editors, as JSON Schema draft
// 2020-12. It knows the form; what only the whole file shows (collisions,
// servers named, passwords) it does not.
func JSONSchema() []byte {
	root := object("")
	root.Dialect = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "landlord.yaml"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // strings, numbers and maps of them always marshal
	}
	return append(text, '\n')
}

// object is the schema of the mapping at a path.
func object(path string) *schema {
	s := &schema{Type: "object", Additional: false}
	for _, k := range keys {
		if k.parent() != path || k.Path == path {
			continue
		}
		value := valueSchema(k)
		if k.Name() == "NAME" {
			s.Additional, s.Names = value, freeName(path)
			continue
		}
		if s.Properties == nil {
			s.Properties = map[string]*schema{}
		}
		s.Properties[k.Name()] = value
		if k.Required {
			s.Required = append(s.Required, k.Name())
		}
	}
	return s
}

// freeName is the form of the names that stand below a path.
func freeName(path string) *schema {
	switch path {
	case "tenants":
		return &schema{Pattern: tenant.NamePattern, MaxLength: tenant.MaxName}
	case "admins", "tenants.NAME.databases", "tenants.NAME.logins":
		return &schema{MinLength: 1, MaxLength: tenant.MaxIdentifier}
	case "servers", "profiles":
		return &schema{Pattern: simple.String()}
	}
	return &schema{Pattern: dotted.String()}
}

func valueSchema(k Key) *schema {
	s := typeSchema(k)
	s.Description = k.Doc
	if k.Default != "" {
		s.Description += " Default: " + k.Default + "."
	}
	return s
}

func typeSchema(k Key) *schema {
	name := &schema{Type: "string", MinLength: 1, MaxLength: tenant.MaxIdentifier}
	list := func(items *schema) *schema { return &schema{Type: []string{"array", "null"}, Items: items} }
	limit := func(s *schema) *schema { return &schema{AnyOf: []*schema{s, {Enum: []string{noLimit}}}} }
	switch k.Type {
	case Mapping:
		s := object(k.Path)
		if len(s.Required) == 0 {
			s.Type = []string{"object", "null"}
		}
		return s
	case Name:
		return name
	case NameList:
		return list(name)
	case NameOrList:
		return &schema{AnyOf: []*schema{name, {Type: "array", Items: name}}}
	case Bool:
		return &schema{Type: "boolean"}
	case Count:
		return limit(&schema{Type: "integer", Minimum: 1, Maximum: maxConnections})
	case Size:
		return limit(&schema{Type: "string", Pattern: quantityPattern(sizeUnits)})
	case Duration:
		return limit(&schema{Type: "string", Pattern: quantityPattern(durationUnits)})
	case Networks:
		return list(&schema{Type: "string", Pattern: `^[0-9a-fA-F.:]+(/[0-9]{1,3})?$`})
	case Argv:
		return &schema{AnyOf: []*schema{{Type: "string", MinLength: 1}, {Type: "array", Items: &schema{Type: "string"}}}}
	case Scalar:
		return &schema{Type: []string{"string", "number", "boolean"}}
	case Number:
		return limit(&schema{Type: "number"})
	case Choice:
		return &schema{Enum: k.Values}
	}
	return &schema{Type: "string", MinLength: 1}
}

func quantityPattern(units []unit) string {
	var names []string
	for _, u := range units {
		names = append(names, u.name)
	}
	return "^0*[1-9][0-9]* *(" + strings.Join(names, "|") + ")$"
}
