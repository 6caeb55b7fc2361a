//! Evaluators that are wrong on purpose: each rewrites what it is handed before the library compiles and decides it, as a
//! compiler with that fault would. A comparison that does not convict each of them soon proves nothing.

use super::{reference::Ask, world};
use serde_json::{Value, json};

type Saboteur = (&'static str, fn(&[Value], &Ask) -> bool);

fn decide(policies: &[Value], ask: &Ask) -> bool {
    let set = world::compile(policies);
    set.evaluate(&world::principal(ask), &ask.action, &world::resource(ask)).is_allowed()
}

fn array(value: &mut Value) -> &mut Vec<Value> {
    value.as_array_mut().expect("an array")
}

/// Rewrites each policy.
fn policies(of: &[Value], change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut changed = of.to_vec();
    changed.iter_mut().for_each(change);
    changed
}

/// Rewrites each rule.
fn rules(of: &[Value], change: impl Fn(&mut Value)) -> Vec<Value> {
    policies(of, |policy| array(&mut policy["permissions"]).iter_mut().for_each(&change))
}

/// Rewrites each tuple, that of targets and that of rules.
fn tuples(of: &[Value], change: impl Fn(&mut Vec<Value>)) -> Vec<Value> {
    policies(of, |policy| {
        array(&mut policy["targets"]).iter_mut().for_each(|tuple| change(array(tuple)));
        array(&mut policy["permissions"]).iter_mut().for_each(|rule| change(array(&mut rule["resource"])));
    })
}

fn without_targets(of: &[Value], word: &str) -> Vec<Value> {
    policies(of, |policy| {
        // They aim at nobody, and the policy still names their kind.
        for tuple in array(&mut policy["targets"]) {
            if tuple.get(1).is_some_and(|separator| separator == word)
                || (word.is_empty() && tuple.get(1).is_none())
            {
                array(tuple).push(json!("lost"));
            }
        }
    })
}

fn without_rules(of: &[Value], word: &str) -> Vec<Value> {
    policies(of, |policy| {
        array(&mut policy["permissions"]).retain(|rule| rule["resource"].get(1) != Some(&json!(word)))
    })
}

/// Rewrites every word of a request and of the ids, keys, values and actions of policies.
fn words(of: &[Value], ask: &Ask, change: impl Fn(&str) -> String) -> (Vec<Value>, Ask) {
    let all = |list: &mut Value| {
        for word in array(list) {
            *word = json!(change(word.as_str().expect("a word")));
        }
    };
    let changed = policies(of, |policy| {
        array(&mut policy["targets"]).iter_mut().for_each(all);
        for rule in array(&mut policy["permissions"]) {
            all(&mut rule["action"]);
            all(&mut rule["resource"]);
        }
    });
    let tags = |tags: &[(String, String)]| tags.iter().map(|(k, v)| (change(k), change(v))).collect();
    let ask = Ask {
        who: ask.who.clone(),
        who_id: change(&ask.who_id),
        who_tags: tags(&ask.who_tags),
        action: change(&ask.action),
        kind: ask.kind.clone(),
        id: ask.id.as_deref().map(&change),
        tags: tags(&ask.tags),
        path: ask.path.as_deref().map(&change),
    };
    (changed, ask)
}

/// Each key once.
fn once(tags: &mut Vec<(String, String)>, last: bool) {
    if last {
        tags.reverse();
    }
    let mut seen = Vec::new();
    tags.retain(|(key, _)| {
        !seen.contains(key) && {
            seen.push(key.clone());
            true
        }
    });
}

/// Asks policy after policy.
fn one_by_one(of: &[Value], ask: &Ask) -> Vec<Option<bool>> {
    let each = of.iter().map(|policy| {
        let set = world::compile(std::slice::from_ref(policy));
        let verdict = set.evaluate(&world::principal(ask), &ask.action, &world::resource(ask));
        verdict.effect().map(|_| verdict.is_allowed())
    });
    each.collect()
}

/// Every kind of resource is renamed to one that the catalogue does not have, so that it has every action.
fn open(of: &[Value], ask: &Ask) -> (Vec<Value>, Ask) {
    let rename = |kind: &str| if kind == "file" { kind.to_owned() } else { format!("x{kind}") };
    let changed = rules(of, |rule| {
        if let Some(head) = array(&mut rule["resource"]).first_mut() {
            *head = json!(rename(head.as_str().expect("a word")));
        }
    });
    (changed, Ask { kind: rename(&ask.kind), ..ask.clone() })
}

pub(crate) const SABOTEURS: &[Saboteur] = &[
    ("inactive policies count", |of, ask| {
        decide(&policies(of, |policy| policy["active"] = json!(true)), ask)
    }),
    ("denies of inactive policies count", |of, ask| {
        let changed = policies(of, |policy| {
            if policy["active"] == json!(false) {
                policy["active"] = json!(true);
                array(&mut policy["permissions"]).retain(|rule| rule["effect"] == "deny");
            }
        });
        decide(&changed, ask)
    }),
    ("tuples are cut to five words", |of, ask| decide(&tuples(of, |words| words.truncate(5)), ask)),
    ("targets are cut to five words", |of, ask| {
        decide(
            &policies(of, |policy| {
                array(&mut policy["targets"]).iter_mut().for_each(|tuple| array(tuple).truncate(5))
            }),
            ask,
        )
    }),
    ("a broken tuple means any", |of, ask| {
        decide(
            &tuples(of, |words| {
                if [2, 4, 6].contains(&words.len()) {
                    words.truncate(1)
                }
            }),
            ask,
        )
    }),
    ("only the first tag of a key counts", |of, ask| {
        let mut ask = ask.clone();
        once(&mut ask.who_tags, false);
        once(&mut ask.tags, false);
        decide(of, &ask)
    }),
    ("only the last tag of a key counts", |of, ask| {
        let mut ask = ask.clone();
        once(&mut ask.who_tags, true);
        once(&mut ask.tags, true);
        decide(of, &ask)
    }),
    ("case does not count", |of, ask| {
        let (changed, ask) = words(of, ask, str::to_lowercase);
        decide(&changed, &ask)
    }),
    ("blanks do not count", |of, ask| {
        let (changed, ask) = words(of, ask, |word| word.trim().to_owned());
        decide(&changed, &ask)
    }),
    ("normal forms do not count", |of, ask| {
        let (changed, ask) = words(of, ask, |word| word.replace("e\u{301}", "\u{e9}"));
        decide(&changed, &ask)
    }),
    ("the index of targets by tag is lost", |of, ask| decide(&without_targets(of, "tag.key"), ask)),
    ("the index of targets by id is lost", |of, ask| decide(&without_targets(of, "id"), ask)),
    ("the index of targets by tag_match is lost", |of, ask| decide(&without_targets(of, "tag_match"), ask)),
    ("the index of any target is lost", |of, ask| decide(&without_targets(of, ""), ask)),
    ("rules by tag_match are lost", |of, ask| decide(&without_rules(of, "tag_match"), ask)),
    ("rules by path are lost", |of, ask| decide(&without_rules(of, "path"), ask)),
    ("only the first target counts", |of, ask| {
        decide(&policies(of, |policy| array(&mut policy["targets"]).truncate(1)), ask)
    }),
    ("only the first action counts", |of, ask| {
        decide(&rules(of, |rule| array(&mut rule["action"]).truncate(1)), ask)
    }),
    ("an empty list of actions is all actions", |of, ask| {
        let fill = |rule: &mut Value| {
            if rule["action"] == json!([]) {
                rule["action"] = json!([ask.action]);
            }
        };
        decide(&rules(of, fill), ask)
    }),
    ("denies are skipped", |of, ask| {
        decide(
            &policies(of, |policy| {
                array(&mut policy["permissions"]).retain(|rule| rule["effect"] == "allow")
            }),
            ask,
        )
    }),
    ("the last policy that says something decides", |of, ask| {
        one_by_one(of, ask).into_iter().flatten().next_back().unwrap_or(false)
    }),
    ("the first policy that says something decides", |of, ask| {
        one_by_one(of, ask).into_iter().flatten().next().unwrap_or(false)
    }),
    ("one allow is enough", |of, ask| one_by_one(of, ask).contains(&Some(true))),
    ("what no rule denies is allowed", |of, ask| {
        decide(of, ask)
            || world::compile(of)
                .evaluate(&world::principal(ask), &ask.action, &world::resource(ask))
                .effect()
                .is_none()
    }),
    ("a path is compared whole", |of, ask| {
        let changed = rules(of, |rule| {
            if rule["resource"].get(1) == Some(&json!("path")) && rule["resource"].get(2).is_some() {
                let prefix = format!("{}\0", rule["resource"][2].as_str().expect("a word"));
                rule["resource"][2] = json!(prefix);
            }
        });
        decide(&changed, &Ask { path: ask.path.as_ref().map(|path| format!("{path}\0")), ..ask.clone() })
    }),
    ("both kinds of target share the rules", |of, ask| {
        let mut changed = Vec::new();
        for policy in of {
            for kind in ["run_user", "analysis"] {
                let mut half = policy.clone();
                half["id"] = json!(format!("{} {kind}", policy["id"]));
                array(&mut half["targets"]).retain(|target| target.get(0) == Some(&json!(kind)));
                changed.push(half);
            }
        }
        decide(&changed, ask)
    }),
    ("swapped words are put right", |of, ask| {
        let put_right = |words: &mut Vec<Value>| {
            if words.len() == 5 && words[1] == "tag.value" {
                words.swap(1, 3);
                words.swap(2, 4);
            }
        };
        decide(&tuples(of, put_right), ask)
    }),
    ("misspelt separators are put right", |of, ask| {
        let put_right = |words: &mut Vec<Value>| {
            for place in [1, 3] {
                match words.get_mut(place) {
                    Some(word) if word == "name" => *word = json!("id"),
                    Some(word) if word == "tag_value" => *word = json!("tag.value"),
                    Some(word) if word == "tag.match" => *word = json!("tag_match"),
                    _ => {}
                }
            }
        };
        decide(&tuples(of, put_right), ask)
    }),
    ("every resource has every action", |of, ask| {
        let (changed, ask) = open(of, ask);
        decide(&changed, &ask)
    }),
    ("create matches by id", |of, ask| {
        let (changed, ask) = open(of, ask);
        let rename = |word: &str| if word == "create" { "make".to_owned() } else { word.to_owned() };
        let (changed, ask) = words(&changed, &ask, rename);
        decide(&changed, &ask)
    }),
    ("the values of tags are not compared", |of, ask| {
        let changed = tuples(of, |words| {
            if words.len() == 5 {
                words[4] = json!("")
            }
        });
        let forget =
            |tags: &[(String, String)]| tags.iter().map(|(key, _)| (key.clone(), String::new())).collect();
        decide(&changed, &Ask { who_tags: forget(&ask.who_tags), tags: forget(&ask.tags), ..ask.clone() })
    }),
    ("tag_match asks only that both carry the key", |of, ask| {
        let mut ask = ask.clone();
        let tagged: Vec<_> =
            ask.who_tags.iter().filter(|(key, _)| ask.tags.iter().any(|(k, _)| k == key)).cloned().collect();
        ask.tags.extend(tagged);
        decide(of, &ask)
    }),
    ("only ten tags of the resource count", |of, ask| {
        let mut ask = ask.clone();
        ask.tags.truncate(10);
        decide(of, &ask)
    }),
    ("only 24 rules of a policy count", |of, ask| {
        decide(&policies(of, |policy| array(&mut policy["permissions"]).truncate(24)), ask)
    }),
    ("only 64 targets of a policy count", |of, ask| {
        decide(&policies(of, |policy| array(&mut policy["targets"]).truncate(64)), ask)
    }),
];
