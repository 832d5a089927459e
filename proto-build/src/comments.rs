//! Makes comments of `.proto` files fit to be Rust documentation.
//!
//! In Rust an indented or fenced block without a language is a test that is compiled and run: a comment must not break
//! `cargo test` of those who use the generated code. So such blocks are fenced as `text`. And what looks like a tag of HTML
//! is escaped, since it hardly ever is one. (prost-build escapes brackets, and makes links of addresses.)

use prost_types::FileDescriptorProto;

/// Changes the comments of all files.
pub(crate) fn clean(files: &mut [FileDescriptorProto]) {
    for file in files {
        for location in file.source_code_info.iter_mut().flat_map(|info| &mut info.location) {
            for comment in [&mut location.leading_comments, &mut location.trailing_comments].into_iter().flatten() {
                *comment = cleaned(comment);
            }
        }
    }
}

/// One comment. Every line still has the blank that stood behind `//`, if one did.
fn cleaned(comment: &str) -> String {
    let mut out = Vec::new();
    let mut block = Block::Text { after_blank: true, in_list: false };
    for line in comment.replace('\r', "").lines() {
        let body = line.strip_prefix(' ').unwrap_or(line);
        let trimmed = body.trim_start();
        match &mut block {
            Block::Fence(mark) => {
                let closes = trimmed.starts_with(*mark);
                out.push(line.to_owned());
                if closes {
                    block = Block::Text { after_blank: false, in_list: false };
                }
            }
            Block::Indented if trimmed.is_empty() => out.push(line.to_owned()),
            Block::Indented if is_indented(body) => out.push(line.to_owned()),
            Block::Indented => {
                close_indented(&mut out);
                block = text_line(&mut out, line, trimmed, false);
            }
            Block::Text { after_blank: true, in_list: false } if is_indented(body) && !trimmed.is_empty() => {
                out.push(" ```text".to_owned());
                out.push(line.to_owned());
                block = Block::Indented;
            }
            Block::Text { in_list, .. } => block = text_line(&mut out, line, trimmed, *in_list),
        }
    }
    match block {
        Block::Indented => close_indented(&mut out),
        Block::Fence(mark) => out.push(format!(" {mark}")),
        Block::Text { .. } => {}
    }
    out.join("\n")
}

enum Block {
    Text { after_blank: bool, in_list: bool },
    Indented,
    Fence(&'static str),
}

fn is_indented(body: &str) -> bool {
    body.starts_with("    ") || body.starts_with('\t')
}

/// A line outside of code: opens a fence, begins or continues a list, or is plain.
fn text_line(out: &mut Vec<String>, line: &str, trimmed: &str, in_list: bool) -> Block {
    for mark in ["```", "~~~"] {
        if let Some(language) = trimmed.strip_prefix(mark) {
            let language = language.trim_start_matches(['`', '~']).trim();
            let indent = &line[..line.len() - trimmed.len()];
            let shown = if language.is_empty() || language.starts_with("rust") { "text" } else { language };
            out.push(format!("{indent}{mark}{shown}"));
            return Block::Fence(mark);
        }
    }
    out.push(without_tags(line));
    if trimmed.is_empty() {
        return Block::Text { after_blank: true, in_list };
    }
    let numbered = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
    let item =
        trimmed.starts_with(['-', '*', '+']) || (numbered.len() < trimmed.len() && numbered.starts_with(['.', ')']));
    let continues = in_list && line.starts_with("  ");
    Block::Text { after_blank: false, in_list: item || continues }
}

/// Escapes `<name` and `</name` outside of inline code; `<https://...>` stays a link.
fn without_tags(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut code = false;
    for (i, c) in line.char_indices() {
        code ^= c == '`';
        let rest = &line[i + c.len_utf8()..];
        let tag = c == '<' && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let link = rest.split_once('>').is_some_and(|(inside, _)| inside.contains(':') && !inside.contains(' '));
        if tag && !code && !link && !out.ends_with('\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Ends a block before the blank lines behind it.
fn close_indented(out: &mut Vec<String>) {
    let blank = out.iter().rev().take_while(|l| l.trim().is_empty()).count();
    out.insert(out.len() - blank, " ```".to_owned());
}

#[cfg(test)]
mod tests {
    use super::cleaned;

    #[test]
    fn plain_text_and_lists_stay_as_they_are() {
        for text in [
            " Says hello.",
            " One.\n\n Two,\n   wrapped.",
            " - an item\n\n     of two paragraphs\n - another",
            " 1. first\n\n        deep",
            "",
        ] {
            assert_eq!(cleaned(text), text);
        }
    }

    #[test]
    fn indented_code_is_fenced_so_that_it_is_no_test() {
        assert_eq!(
            cleaned(" Call it so:\n\n     let x = 1;\n\n     let y = 2;\n\n Then stop."),
            " Call it so:\n\n ```text\n     let x = 1;\n\n     let y = 2;\n ```\n\n Then stop."
        );
        assert_eq!(cleaned("     all of it"), " ```text\n     all of it\n ```");
    }

    #[test]
    fn a_fence_gets_a_language_that_is_not_compiled() {
        assert_eq!(cleaned(" ```\n x = 1\n ```\n end"), " ```text\n x = 1\n ```\n end");
        assert_eq!(cleaned(" ```rust\n x = 1\n ```"), " ```text\n x = 1\n ```");
        assert_eq!(cleaned(" ```json\n {}\n ```"), " ```json\n {}\n ```");
        assert_eq!(cleaned(" ~~~\n left open"), " ~~~text\n left open\n ~~~");
    }

    #[test]
    fn tags_are_escaped_but_code_links_and_arithmetic_are_not() {
        for (from, to) in [
            (" a <name> and </name>", r" a \<name> and \</name>"),
            (" `Vec<u8>` <https://example.org> 1 < 2", " `Vec<u8>` <https://example.org> 1 < 2"),
            (r" \<done>", r" \<done>"),
            (" - <item>", r" - \<item>"),
        ] {
            assert_eq!(cleaned(from), to);
        }
    }

    #[test]
    fn carriage_returns_go() {
        assert_eq!(cleaned(" one\r\n two\r"), " one\n two");
    }
}
