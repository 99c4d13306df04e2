//! Draws problems with the lines of the file that they are about.

use crate::problem::{Problem, Problems};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// Columns of a drawing; longer source lines are cut around the mark.
const WIDTH: usize = 140;

/// All problems, a blank line between two; ends with a newline.
///
/// `colour` adds terminal escapes. The result has the form
///
/// ```text
/// error[chip::slot_too_small]: one sentence with the numbers
///  --> tiny.toml:34:7
///   |
/// 34 | kib = 1
///   |       ^ too little
///   |
///   = help: what to do
/// ```
#[must_use]
pub fn render(problems: &Problems, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .decor_style(DecorStyle::Ascii)
    .term_width(WIDTH);
    problems
        .0
        .iter()
        .map(|problem| renderer.render(&[group(problem)]) + "\n")
        .collect::<Vec<_>>()
        .join("\n")
}

fn group(problem: &Problem) -> Group<'_> {
    let title = Level::ERROR
        .primary_title(problem.message.as_str())
        .id(problem.code);
    let help = Level::HELP.message(problem.help.as_str());
    let Some(file) = &problem.file else {
        return Group::with_title(title).element(help);
    };
    let mut snippet = Snippet::source(file.text.as_str()).path(file.path.as_str());
    for (index, label) in problem.labels.iter().enumerate() {
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let words = (!label.text.is_empty()).then_some(label.text.as_str());
        let span = inside(&file.text, &label.span);
        snippet = snippet.annotation(kind.span(span).label(words));
    }
    title.element(snippet).element(help)
}

/// The span, cut to the text and moved to the borders of characters.
fn inside(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end.max(start)).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::SourceFile;
    use std::sync::Arc;

    fn example() -> Problems {
        let file = Arc::new(SourceFile {
            path: "chip.toml".to_owned(),
            text: "[array]\nrows = 0 # é\n".to_owned(),
        });
        let place = Problem::new("a::b", "rows is 0", "write 8").at(&file, 15..16, "this many");
        Problems(vec![
            place,
            Problem::new("a::c", "no file", "check the path"),
        ])
    }

    #[test]
    fn a_problem_shows_code_place_line_and_help() {
        insta::assert_snapshot!(render(&example(), false), @"
        error[a::b]: rows is 0
         --> chip.toml:2:8
          |
        2 | rows = 0 # é
          |        ^ this many
          |
          = help: write 8

        error[a::c]: no file
         |
         = help: check the path
        ");
    }

    #[test]
    fn colour_is_only_on_request() {
        assert!(!render(&example(), false).contains('\u{1b}'));
        assert!(render(&example(), true).contains('\u{1b}'));
    }

    #[test]
    fn a_span_outside_the_text_does_no_harm() {
        let mut problems = example();
        for span in [0..900, 900..901, 26..27, 27..27] {
            problems.0[0].labels[0].span = span;
            assert!(render(&problems, false).contains("rows is 0"));
        }
    }
}
