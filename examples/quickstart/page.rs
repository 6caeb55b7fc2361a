//! Puts the story on the page: headings, paragraphs within the width of a terminal, and the tree of who has access.

use dashshare::{
    AccountId, Expiry, Holder, Timestamp,
    questions::{AccessList, GrantView},
};

const WIDTH: usize = 98;

/// The text so far. It is printed in one piece, so that the reader of a pipe may close it early.
#[derive(Default)]
pub(crate) struct Page {
    text: String,
    chapters: usize,
}

impl Page {
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// A line as it is.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref().trim_end());
        self.text.push('\n');
    }

    pub(crate) fn chapter(&mut self, title: &str) {
        if self.chapters > 0 {
            self.line("");
        }
        self.chapters += 1;
        self.line(format!("{}. {}", self.chapters, title.to_uppercase()));
    }

    /// What happens.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        self.wrapped("   ", "   ", text.as_ref());
    }

    /// What the library answers.
    pub(crate) fn answer(&mut self, text: impl AsRef<str>) {
        self.wrapped("     → ", "       ", text.as_ref());
    }

    /// A message as the mail that a host would send.
    pub(crate) fn mail(&mut self, [to, subject, body]: [String; 3]) {
        self.wrapped("     | To: ", "     | ", &format!("{to}. Subject: {subject}"));
        if !body.is_empty() {
            self.wrapped("     |     ", "     |     ", &body);
        }
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split_whitespace() {
            if !is_empty && columns(&line) + 1 + columns(word) > WIDTH {
                self.line(std::mem::replace(&mut line, rest.to_owned()));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(line);
    }

    /// Who has access, from whom, until when: the owner at the root, each grant below the one that it hangs on.
    pub(crate) fn tree(&mut self, list: &AccessList, name: &dyn Fn(AccountId) -> String) {
        let mut rows = vec![[name(list.owner), "owner".to_owned(), String::new(), String::new()]];
        let tree = Tree { list, name };
        tree.below(&[], "", &mut rows);
        let widths: Vec<usize> =
            (0..3).map(|column| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0)).collect();
        for row in rows {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = widths.get(column).copied().unwrap_or(0);
                format!("{cell}{}", " ".repeat(width.saturating_sub(columns(cell))))
            });
            self.line(format!("     {}", cells.collect::<Vec<_>>().join("  ")));
        }
    }
}

/// How wide a text is in a terminal. Enough for this story; a terminal has wider characters than it knows of.
fn columns(text: &str) -> usize {
    text.chars().count()
}

struct Tree<'a> {
    list: &'a AccessList,
    name: &'a dyn Fn(AccountId) -> String,
}

type Row = [String; 4];

impl Tree<'_> {
    /// The rows of what hangs on the grant at the end of a path; on the owner, for the empty path.
    fn below(&self, path: &[&GrantView], indent: &str, rows: &mut Vec<Row>) {
        let parent = path.last().map(|grant| grant.grant);
        let children: Vec<&GrantView> =
            self.list.grants.iter().filter(|grant| parent_of(grant) == parent).collect();
        let link = self.list.link.as_ref().filter(|link| link.grant == parent);
        let count = children.len() + usize::from(link.is_some());
        let branch =
            |index: usize| if index + 1 == count { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        for (index, grant) in children.iter().enumerate() {
            let (branch, deeper) = branch(index);
            rows.push([
                format!("{indent}{branch}{}", self.holder(grant)),
                self.terms(grant),
                until(grant.ends),
                format!("from {}{}", (self.name)(grant.grantor), self.through(path)),
            ]);
            self.below(&[path, &[grant]].concat(), &format!("{indent}{deeper}"), rows);
        }
        if let Some(link) = link {
            let (branch, _) = branch(children.len());
            rows.push([
                format!("{indent}{branch}link no. {}", link.generation),
                "view, with the token".to_owned(),
                until(link.ends),
                format!("from {}", (self.name)(link.maker)),
            ]);
        }
    }

    fn terms(&self, grant: &GrantView) -> String {
        let invited = if grant.pending { "invited to " } else { "" };
        let on = if grant.reshare { ", share on" } else { "" };
        format!("{invited}{}{on}", grant.rights)
    }

    fn holder(&self, grant: &GrantView) -> String {
        match &grant.grantee {
            Holder::Account(account) => (self.name)(*account),
            Holder::Address(address) => address.to_string(),
        }
    }

    /// The persons between the owner and the one who shared.
    fn through(&self, path: &[&GrantView]) -> String {
        match path.split_last() {
            None | Some((_, [])) => String::new(),
            Some((_, between)) => {
                let names: Vec<String> = between.iter().map(|grant| self.holder(grant)).collect();
                format!(", through {}", names.join(", "))
            }
        }
    }
}

fn parent_of(grant: &GrantView) -> Option<dashshare::GrantId> {
    grant.path.iter().rev().nth(1).copied()
}

/// An end in words.
pub(crate) fn until(end: Expiry) -> String {
    match end {
        Expiry::Never => "no end".to_owned(),
        Expiry::At(end) => format!("until {}", day(end)),
    }
}

/// An instant as briefly as it can be said: midnight goes without a time.
pub(crate) fn day(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix("T00:00:00Z").map_or_else(|| text.clone(), str::to_owned)
}
