//! Which paths a Rust file names: enough of the language to see every `a::b`, grouped or not, and no more.

/// Every path that `source`, the file of `module`, names. `super` and `self` are resolved to `crate`.
pub fn named(module: &[String], source: &str) -> Vec<Vec<String>> {
    let tokens = tokens(source);
    let mut inner: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let is = |offset: usize, what: &str| tokens.get(at + offset).is_some_and(|token| token == what);
        match tokens[at].as_str() {
            "{" => {
                depth += 1;
                if at >= 2 && tokens[at - 2] == "mod" {
                    inner.push((tokens[at - 1].clone(), depth));
                }
            }
            "}" => {
                inner.retain(|(_, opened)| *opened < depth);
                depth -= 1;
            }
            word if is_word(word) && is(1, "::") && (at == 0 || tokens[at - 1] != "::") => {
                let here = module.iter().chain(inner.iter().map(|(name, _)| name)).cloned().collect::<Vec<_>>();
                let mut paths = Vec::new();
                spell(&tokens, at, &[], &mut paths);
                found.extend(paths.into_iter().map(|path| resolved(&here, path)));
            }
            _ => {}
        }
    }
    found
}

/// Reads one path, or each path of a group, from `at` on. Returns where it ends.
fn spell(tokens: &[String], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    let end = spell(tokens, at, &path, found);
                    at = if tokens.get(end).is_some_and(|token| token == ",") { end + 1 } else { end.max(at + 1) };
                }
                return at + 1;
            }
            Some(word) if is_word(word) => {
                path.push(word.to_owned());
                at += 1;
                if tokens.get(at).is_some_and(|token| token == "::") {
                    at += 1;
                    continue;
                }
                // A new name for it is nobody's path.
                if tokens.get(at).is_some_and(|token| token == "as") {
                    at += 2;
                }
            }
            _ => at += usize::from(tokens.get(at).is_some_and(|token| token == "*")),
        }
        found.push(path);
        return at;
    }
}

fn resolved(here: &[String], path: Vec<String>) -> Vec<String> {
    let ups = path.iter().take_while(|word| *word == "super" || *word == "self").count();
    if ups == 0 {
        return path;
    }
    let levels = path.iter().take(ups).filter(|word| *word == "super").count();
    let kept = here.len().saturating_sub(levels);
    let own = here[..kept].iter().cloned();
    std::iter::once("crate".to_owned()).chain(own).chain(path.into_iter().skip(ups)).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single characters; comments, texts and character literals are left out.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        match rest {
            ['/', '/', ..] => at += rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => at += end_of(rest, &['*', '/'], 2),
            ['r', '"', ..] => at += end_of(rest, &['"'], 2),
            ['r', '#', '"', ..] => at += end_of(rest, &['"', '#'], 3),
            ['"', ..] => at += text(rest),
            ['\'', '\\', ..] => at += end_of(rest, &['\''], 3),
            ['\'', _, '\'', ..] => at += 3,
            [':', ':', ..] => {
                tokens.push("::".to_owned());
                at += 2;
            }
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                at += word.chars().count();
                tokens.push(word);
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                at += 1;
            }
            [] => break,
        }
    }
    tokens
}

/// How long it is until after `mark`, looked for from `from` on.
fn end_of(chars: &[char], mark: &[char], from: usize) -> usize {
    let found = (from..chars.len()).find(|at| chars[*at..].starts_with(mark));
    found.map_or(chars.len(), |at| at + mark.len())
}

fn text(chars: &[char]) -> usize {
    let mut at = 1;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The comments of a Rust file, and nothing else of it.
pub fn comments(source: &str) -> String {
    let lines = source.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    lines.collect::<Vec<_>>().join("\n")
}
