package audit

import "slices"

// Rules lists every rule, subject by subject; within one severity, findings
// come in this order.
func Rules() []Rule {
	return slices.Concat(hbaRules(), askedRules(), identRules(), databaseRules(), schemaRules(), roleRules(), passwordRules(), membershipRules(), pathRules(), settingRules(),
		objectRules(), routineRules(), outsideRules(), defaultRules(), rlsRules(), serverRules(), bouncerRules())
}

// RuleOf returns the rule with a code.
func RuleOf(code string) (Rule, bool) {
	all := Rules()
	i := slices.IndexFunc(all, func(r Rule) bool { return r.Code == code })
	if i < 0 {
		return Rule{}, false
	}
	return all[i], true
}
