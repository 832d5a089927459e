//! As much JSON as the corpora need.

use std::iter::Peekable;
use std::str::Chars;

/// A JSON value.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn parse(text: &str) -> Json {
        let mut chars = text.chars().peekable();
        let value = value(&mut chars);
        space(&mut chars);
        assert!(chars.next().is_none(), "text behind the value");
        value
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn members(&self) -> &[(String, Json)] {
        if let Json::Object(members) = self { members } else { panic!("not an object: {self:?}") }
    }

    pub(crate) fn items(&self) -> &[Json] {
        if let Json::List(items) = self { items } else { panic!("not a list: {self:?}") }
    }

    pub(crate) fn text(&self) -> &str {
        if let Json::Text(text) = self { text } else { panic!("not a text: {self:?}") }
    }

    pub(crate) fn number(&self) -> usize {
        if let Json::Number(number) = self { *number as usize } else { panic!("not a number: {self:?}") }
    }
}

fn space(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
}

fn expect(chars: &mut Peekable<Chars<'_>>, expected: &str) {
    for c in expected.chars() {
        assert_eq!(chars.next(), Some(c), "in {expected}");
    }
}

fn value(chars: &mut Peekable<Chars<'_>>) -> Json {
    space(chars);
    match *chars.peek().expect("a value") {
        '{' => Json::Object(sequence(chars, '{', '}', |chars| {
            space(chars);
            let key = text(chars);
            space(chars);
            expect(chars, ":");
            (key, value(chars))
        })),
        '[' => Json::List(sequence(chars, '[', ']', value)),
        '"' => Json::Text(text(chars)),
        't' => {
            expect(chars, "true");
            Json::Bool(true)
        }
        'f' => {
            expect(chars, "false");
            Json::Bool(false)
        }
        'n' => {
            expect(chars, "null");
            Json::Null
        }
        _ => {
            let mut digits = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_digit() || "+-.eE".contains(*c)) {
                digits.push(c);
            }
            Json::Number(digits.parse().expect("a number"))
        }
    }
}

fn sequence<'a, T>(
    chars: &mut Peekable<Chars<'a>>,
    open: char,
    close: char,
    mut item: impl FnMut(&mut Peekable<Chars<'a>>) -> T,
) -> Vec<T> {
    assert_eq!(chars.next(), Some(open));
    let mut items = Vec::new();
    loop {
        space(chars);
        if chars.next_if_eq(&close).is_some() {
            return items;
        }
        if !items.is_empty() {
            expect(chars, ",");
        }
        items.push(item(chars));
    }
}

fn text(chars: &mut Peekable<Chars<'_>>) -> String {
    expect(chars, "\"");
    let mut units: Vec<u16> = Vec::new();
    let mut buffer = [0; 2];
    loop {
        match chars.next().expect("a closing quote") {
            '"' => return String::from_utf16(&units).expect("whole surrogate pairs"),
            '\\' => units.push(escape(chars)),
            c => units.extend_from_slice(c.encode_utf16(&mut buffer)),
        }
    }
}

fn escape(chars: &mut Peekable<Chars<'_>>) -> u16 {
    match chars.next().expect("an escape") {
        'u' => {
            let digits: String = chars.by_ref().take(4).collect();
            u16::from_str_radix(&digits, 16).expect("four hexadecimal digits")
        }
        'n' => u16::from(b'\n'),
        'r' => u16::from(b'\r'),
        't' => u16::from(b'\t'),
        'b' => 8,
        'f' => 12,
        c @ ('"' | '\\' | '/') => c as u16,
        c => panic!("unknown escape {c}"),
    }
}

#[test]
fn what_the_corpora_use_is_read() {
    let json = Json::parse(r#" {"a": [1, -2.5e1, true, false, null], "b": "x\"\\\/\u00e9\ud83d\ude00\n", "c": {}} "#);
    assert_eq!(json.get("a").unwrap().items()[0].number(), 1);
    assert_eq!(json.get("b").unwrap().text(), "x\"\\/\u{e9}\u{1f600}\n");
    assert!(json.get("c").unwrap().members().is_empty() && json.get("d").is_none());
    assert!(matches!(
        json.get("a").unwrap().items()[1..],
        [Json::Number(-25.0), Json::Bool(true), Json::Bool(false), Json::Null]
    ));
}
