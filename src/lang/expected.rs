//! The grammar's rules in the user's words, for 'expected …'.

use crate::lang::tree::Rule;

/// What a rule is called in a message; `None` where naming it would not help.
fn word(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI | Rule::end => "the end of the statement",
        Rule::newline | Rule::nl | Rule::eol => "a new line",
        Rule::chunk | Rule::statement => "a statement",
        Rule::edition | Rule::kw_gofile => "`gofile`",
        Rule::settings | Rule::kw_settings => "`settings`",
        Rule::let_binding | Rule::kw_let => "`let`",
        Rule::include | Rule::kw_include => "`include`",
        Rule::target | Rule::header | Rule::lone_header | Rule::kind => "a target",
        Rule::params => "parameters",
        Rule::param => "a parameter",
        Rule::choices | Rule::colon => "`:`",
        Rule::default | Rule::assign => "`=`",
        Rule::fors | Rule::kw_for => "`for`",
        Rule::for_item | Rule::variable | Rule::target_name | Rule::name | Rule::word => "a name",
        Rule::condition | Rule::kw_if => "`if`",
        Rule::body | Rule::block_entries | Rule::brace_open => "`{`",
        Rule::body_line | Rule::line_items | Rule::item | Rule::lone_items | Rule::block => {
            "an entry"
        }
        Rule::entry | Rule::entry_list | Rule::lone_entries | Rule::map_entry => "an entry",
        Rule::key => "a key",
        Rule::separator | Rule::comma => "`,`",
        Rule::run_item | Rule::script_block | Rule::script_line | Rule::script_text => "a script",
        Rule::deep_line | Rule::rest_of_line | Rule::continued | Rule::escaped => {
            "a line of script"
        }
        Rule::interpreter => "an interpreter",
        Rule::expr | Rule::disjunction | Rule::conjunction | Rule::negation | Rule::comparison => {
            "a value"
        }
        Rule::sum | Rule::operand | Rule::primary | Rule::reference | Rule::conditional => {
            "a value"
        }
        Rule::string | Rule::raw_string | Rule::integer | Rule::boolean | Rule::not => "a value",
        Rule::list | Rule::map | Rule::group => "a value",
        Rule::plain_string => "a string without `$`",
        Rule::args | Rule::paren_open => "`(`",
        Rule::arg | Rule::arg_name => "an argument",
        Rule::index | Rule::bracket_open => "`[`",
        Rule::index_item | Rule::any => "a value or `*`",
        Rule::field => "`.`",
        Rule::text | Rule::escape | Rule::interpolation | Rule::dollar_name => "text",
        Rule::quote => "`\"`",
        Rule::kw_as => "`as`",
        Rule::kw_with => "`with`",
        Rule::kw_in => "`in`",
        Rule::kw_then => "`then`",
        Rule::kw_else => "`else`",
        Rule::or | Rule::and | Rule::equal | Rule::not_equal | Rule::plus => "an operator",
        Rule::paren_close => "`)`",
        Rule::bracket_close => "`]`",
        Rule::brace_close => "`}`",
        Rule::WHITESPACE | Rule::blank | Rule::blank_line | Rule::comment | Rule::deeper => {
            return None;
        }
        Rule::reserved | Rule::variable_char | Rule::name_char => return None,
    })
}

/// 'a value, `,` or `]`': each thing once, in the order in which a reader would look for it.
pub fn expected(rules: &[Rule]) -> String {
    let mut words: Vec<&str> = rules.iter().filter_map(|&rule| word(rule)).collect();
    words.sort_by_key(|word| (word.starts_with('`'), *word));
    words.dedup();
    // Where a value may end almost anything goes on; the operators are the least likely wish.
    if words.len() > 2 {
        words.retain(|&word| !matches!(word, "an operator" | "`(`" | "`[`" | "`.`"));
    }
    match words.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Whether a name is wanted, and a value would not do.
pub fn wants_name(rules: &[Rule]) -> bool {
    let is_name = |rule: &Rule| {
        matches!(
            rule,
            Rule::variable
                | Rule::target_name
                | Rule::key
                | Rule::param
                | Rule::for_item
                | Rule::dollar_name
        )
    };
    rules.iter().any(is_name) && !rules.iter().any(|&rule| word(rule) == Some("a value"))
}
