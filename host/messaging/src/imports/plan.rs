//! What becomes of the columns of a file: the mapping, checked before a row is looked at, and a row
//! read by it.

use super::cells;
use super::file::Row as Cells;
use crate::contacts::document::{clean_tags, field_type};
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::lists;
use jackfield_engine::document::problem::nearest;
use jackfield_store::records::{ContactField, ContactList};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Contacts that are there are changed, others made.
    Upsert,
    /// Contacts that are there are left alone, others made.
    Add,
    /// Contacts that are there are changed, others left out.
    Update,
    /// Every row makes a contact, whoever is there.
    AddAll,
}

impl Purpose {
    pub(crate) fn makes(self) -> bool {
        self != Purpose::Update
    }
}

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImportPlan {
    /// What it is for.
    pub purpose: Purpose,
    /// From the name of a column to what it holds: a field, `name`, `id`, `tags` or `lists`. Columns
    /// that are left out are not read; left out whole: the columns that are named like fields.
    #[serde(default)]
    pub columns: Option<BTreeMap<String, String>>,
    /// Tags for every contact.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Lists that every contact is put on.
    #[serde(default)]
    pub lists: Vec<String>,
    /// Whether what changes starts workflows, as it does by the API.
    #[serde(default)]
    pub trigger_workflows: bool,
}

/// Why a row was not taken, in words for programs and for people.
pub(crate) type Refusal = (&'static str, String);

/// A row as it is carried out, here or at the owner of the contact's bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) workspace: String,
    pub(crate) import: String,
    pub(crate) pass: i64,
    pub(crate) line: i64,
    pub(crate) purpose: Purpose,
    pub(crate) triggers: bool,
    pub(crate) id: Option<String>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) tags: Vec<String>,
    /// Ids and names.
    pub(crate) lists: Vec<(String, String)>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Id,
    Field(String),
    Tags,
    Lists,
}

/// A plan that fits its file.
pub(crate) struct Mapping {
    plan: ImportPlan,
    columns: usize,
    targets: Vec<(usize, Target)>,
    lists: Vec<ContactList>,
    tags: Vec<String>,
}

impl Mapping {
    /// Checks a plan against a file's columns and what the workspace has.
    ///
    /// # Errors
    /// `invalid` with everything that is wrong.
    pub(crate) async fn new(
        context: &Context,
        workspace: &str,
        headers: &[String],
        plan: &ImportPlan,
    ) -> Result<Mapping> {
        let fields = context.fields(workspace).await?;
        let lists = lists::all(context, workspace).await?;
        let columns = match &plan.columns {
            Some(columns) => columns.clone(),
            None => suggest(headers, &fields),
        };
        let mut problems = Vec::new();
        let mut targets: Vec<(usize, Target)> = Vec::new();
        for (column, target) in &columns {
            let path = format!("columns/{column}");
            let Some(place) = headers.iter().position(|header| header == column) else {
                let meant = nearest(column, headers.iter().map(String::as_str));
                let meant = meant.map_or_else(
                    || format!("; there are: {}", headers.join(", ")),
                    |meant| format!(" (did you mean `{meant}`?)"),
                );
                let said = format!("the file has no column `{column}`{meant}");
                problems.push(Problem::new(path, said));
                continue;
            };
            let target = match target.as_str() {
                "id" => Target::Id,
                "tags" => Target::Tags,
                "lists" => Target::Lists,
                "name" => Target::Field("name".to_owned()),
                field => match field_type(field, &fields) {
                    Ok(_) => Target::Field(field.to_owned()),
                    Err(error) => {
                        let more = "; beside them: name, id, tags, lists";
                        problems.push(Problem::new(path, format!("{}{more}", error.message())));
                        continue;
                    }
                },
            };
            let several = matches!(target, Target::Tags | Target::Lists);
            if !several && targets.iter().any(|(_, known)| *known == target) {
                problems.push(Problem::new(path, "two columns go into the same field"));
                continue;
            }
            targets.push((place, target));
        }
        let goes = |wanted: &[&str]| {
            targets.iter().any(|(_, target)| match target {
                Target::Id => wanted.contains(&"id"),
                Target::Field(name) => wanted.contains(&name.as_str()),
                Target::Tags | Target::Lists => false,
            })
        };
        if plan.purpose != Purpose::AddAll && !goes(&["id", "phone", "email"]) {
            problems.push(Problem::new(
                "columns",
                "one column must say who is meant: map one to `phone`, `email` or `id`, or choose \
                 the purpose `add-all`",
            ));
        }
        if plan.purpose.makes() && !goes(&["firstname", "name"]) {
            problems.push(Problem::new(
                "columns",
                "new contacts need a first name: map a column to `firstname` or `name`, or choose the \
                 purpose `update`",
            ));
        }
        if plan.purpose == Purpose::AddAll && goes(&["id"]) {
            problems.push(Problem::new(
                "columns",
                "with `add-all` every row makes a contact, and no contact is made under an `id`",
            ));
        }
        let tags = clean_tags(&plan.tags).unwrap_or_else(|said| {
            problems.push(Problem::new("tags", said));
            Vec::new()
        });
        for name in &plan.lists {
            if let Err(said) = list(&lists, name) {
                problems.push(Problem::new("lists", said));
            }
        }
        if !problems.is_empty() {
            return Err(Error::problems("invalid-import", problems));
        }
        Ok(Mapping {
            plan: ImportPlan {
                columns: Some(columns),
                ..plan.clone()
            },
            columns: headers.len(),
            targets,
            lists,
            tags,
        })
    }

    /// The plan with its columns, where they were left out.
    pub(crate) fn plan(&self) -> &ImportPlan {
        &self.plan
    }

    /// What a row says.
    pub(crate) fn read(
        &self,
        workspace: &str,
        import: &str,
        pass: i64,
        (line, cells): &Cells,
    ) -> std::result::Result<Row, Refusal> {
        if cells.len() != self.columns {
            let said = format!(
                "the row has {} cells, the header {}: is a delimiter or a quotation mark missing?",
                cells.len(),
                self.columns
            );
            return Err(("wrong-columns", said));
        }
        let mut row = Row {
            workspace: workspace.to_owned(),
            import: import.to_owned(),
            pass,
            line: i64::try_from(*line).unwrap_or(i64::MAX),
            purpose: self.plan.purpose,
            triggers: self.plan.trigger_workflows,
            id: None,
            fields: Map::new(),
            tags: self.tags.clone(),
            lists: Vec::new(),
        };
        let mut names = self.plan.lists.clone();
        for (place, target) in &self.targets {
            let cell = cells::unguard(cells.get(*place).map_or("", |cell| cell.trim()));
            if cell.is_empty() {
                continue;
            }
            match target {
                Target::Id => row.id = Some(cell.to_owned()),
                Target::Field(name) => {
                    row.fields.insert(name.clone(), cell.into());
                }
                Target::Tags => {
                    let tags = clean_tags(&cells::split(cell));
                    row.tags
                        .extend(tags.map_err(|said| ("invalid-value", said))?);
                }
                Target::Lists => names.extend(cells::split(cell)),
            }
        }
        for name in &names {
            let found = list(&self.lists, name).map_err(|said| ("unknown-list", said))?;
            let found = (found.id.clone(), found.name.clone());
            if !row.lists.contains(&found) {
                row.lists.push(found);
            }
        }
        Ok(row)
    }
}

fn list<'a>(lists: &'a [ContactList], name: &str) -> std::result::Result<&'a ContactList, String> {
    lists.iter().find(|list| list.name == name).ok_or_else(|| {
        let meant = nearest(name, lists.iter().map(|list| list.name.as_str()));
        let meant = meant.map_or_else(
            || "make it first".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        format!("there is no list `{name}` ({meant})")
    })
}

/// Which columns are named like what a contact has.
pub(crate) fn suggest(headers: &[String], fields: &[ContactField]) -> BTreeMap<String, String> {
    const OTHERS: [(&str, &str); 23] = [
        ("first name", "firstname"),
        ("given name", "firstname"),
        ("prenom", "firstname"),
        ("last name", "lastname"),
        ("surname", "lastname"),
        ("family name", "lastname"),
        ("nom", "lastname"),
        ("full name", "name"),
        ("phone number", "phone"),
        ("mobile", "phone"),
        ("telephone", "phone"),
        ("e mail", "email"),
        ("mail", "email"),
        ("email address", "email"),
        ("country code", "country"),
        ("contact id", "id"),
        ("tag", "tags"),
        ("list", "lists"),
        ("profile pic", "profile_pic"),
        ("time zone", "time_zone"),
        ("lifecycle stage", "lifecycle"),
        ("owner", "assignee"),
        ("langue", "language"),
    ];
    let plain = |text: &str| -> String {
        let text = text.to_lowercase().replace(['é', 'è', 'ê'], "e");
        let words: Vec<&str> = text
            .split(|one: char| !one.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        words.join(" ")
    };
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for header in headers {
        let wanted = plain(header);
        let target = crate::contacts::document::writable()
            .chain(["name", "id", "tags", "lists"])
            .find(|name| plain(name) == wanted)
            .map(str::to_owned)
            .or_else(|| {
                let field = fields
                    .iter()
                    .find(|field| plain(&field.name) == wanted || plain(&field.title) == wanted);
                field.map(|field| field.name.clone())
            })
            .or_else(|| {
                let other = OTHERS.iter().find(|(name, _)| *name == wanted);
                other.map(|(_, target)| (*target).to_owned())
            });
        if let Some(target) = target.filter(|target| !found.values().any(|known| known == target)) {
            found.insert(header.clone(), target);
        }
    }
    found
}
