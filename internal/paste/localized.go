package paste

import (
	"fmt"
	"strings"
)

// psql prints the names of columns in the language of its user. These are the
// words by which a table about access is known, of psql 17's translations:
// "Role name", "Owner", "Access privileges", "Attributes".
var languages = []struct{ name, words string }{
	{"Czech", "jméno role|vlastník|přístupová práva|atributy"},
	{"German", "rollenname|eigentümer|zugriffsprivilegien|attribute"},
	{"Greek", "όνομα ρόλου|ιδιοκτήτης|προνόμια πρόσβασης|χαρακτηριστικά"},
	{"Spanish", "nombre de rol|dueño|privilegios|atributos"},
	{"French", "nom du rôle|propriétaire|droits d'accès|attributs"},
	{"Hebrew", "שם תפקיד|בעלים|הרשאות גישה|מאפיינים"},
	{"Italian", "nome ruolo|proprietario|privilegi di accesso|attributi"},
	{"Japanese", "ロール名|所有者|アクセス権限|属性"},
	{"Georgian", "როლის სახელი|მფლობელი|წვდომები|ატრიბუტები"},
	{"Korean", "롤 이름|소유주|액세스 권한|속성"},
	{"Polish", "nazwa roli|właściciel|uprawnienia dostępu|atrybuty"},
	{"Portuguese", "nome da função de banco de dados (role)|dono|privilégios de acesso|atributos"},
	{"Russian", "имя роли|владелец|права доступа|атрибуты"},
	{"Swedish", "rollnamn|ägare|åtkomsträttigheter|attribut"},
	{"Turkish", "rol adı|sahibi|erişim hakları|özellikler"},
	{"Ukrainian", "ім'я ролі|власник|права доступу|атрибути"},
	{"Chinese", "角色名称|所有者|访问权限|属性"},
	{"Chinese", "角色名稱|擁有者|存取權限|屬性"},
}

// localized is the language of a head that is not in English, or "".
func localized(cells []string) string {
	for _, c := range cells {
		c = strings.ToLower(strings.Join(strings.Fields(c), " "))
		for _, l := range languages {
			for _, word := range strings.Split(l.words, "|") {
				if c == word {
					return l.name
				}
			}
		}
	}
	return ""
}

// foreignLanguage refuses a table whose head is in another language, and
// passes over the rest of it.
func (r *reader) foreignLanguage(l line, language string) {
	r.problem(l.n, l.text, fmt.Sprintf("this table's head is in %s; psql prints it in English when started as LC_MESSAGES=C psql: paste that", language))
	for r.at++; r.at < len(r.lines) && r.lines[r.at].text != ""; r.at++ {
	}
}
