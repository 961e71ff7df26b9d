use super::*;

/// A folder of a test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("countersign-copy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    async fn store(&self, name: &str) -> Store {
        let store = Store::open(&Database::Sqlite(self.0.join(name))).await.unwrap();
        store.migrate(Some(Timestamp::from_micros(1))).await.unwrap();
        store
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// More rows than a page, keys of one and of two columns, NULL, text, negative and extreme numbers.
struct Fill;

impl Work for Fill {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for number in 0..1203_i64 {
            let bytes = number.to_be_bytes();
            let verified = (number % 2 == 0).then_some(i64::MAX);
            let sql =
                "INSERT INTO identifiers (kind, lookup, account_id, verified_at) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, &[(number % 3 + 1).into(), (&bytes).into(), number.into(), verified.into()])
                .await?;
            let sql = "INSERT INTO spent_phones (phone) VALUES (?1)";
            tx.execute(sql, &[(&bytes).into()]).await?;
        }
        for (id, text) in [(-1, "$argon2id$\u{e9}"), (i64::MIN, ""), (i64::MAX, "x")] {
            let sql = "INSERT INTO passwords (account_id, phc, set_at) VALUES (?1, ?2, 0)";
            tx.execute(sql, &[id.into(), text.into()]).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn every_row_is_copied_once() {
    let folder = Folder::new("rows");
    let (from, to) = (folder.store("from.db").await, folder.store("to.db").await);
    from.write(Fill).await.unwrap();
    let mut seen = Vec::new();
    let report = copy(&from, &to, |progress| seen.push(progress)).await.unwrap();
    let rows = |name| report.tables.iter().find(|table| table.name == name).unwrap().rows;
    assert_eq!(
        (rows("identifiers"), rows("spent_phones"), rows("passwords"), rows("codes")),
        (1203, 1203, 3, 0)
    );
    let total: u64 = report.tables.iter().map(|table| table.rows).sum();
    for doing in ["copying", "comparing"] {
        let seen: Vec<_> = seen.iter().filter(|progress| progress.doing == doing).collect();
        assert!(seen.len() > 5 && seen.is_sorted_by_key(|progress| progress.done), "{seen:?}");
        assert!(seen.iter().all(|progress| progress.total == total), "{seen:?}");
        assert_eq!(seen.last().unwrap().done, total);
    }

    for table in TABLES {
        let all = |store: Store| async move {
            store.read().await.unwrap().query(table.first_page, &[Param::Int(10_000)]).await.unwrap()
        };
        assert_eq!(all(from.clone()).await, all(to.clone()).await, "{}", table.name);
    }
    let again = copy(&from, &to, |_| {}).await;
    assert!(matches!(again, Err(CopyError::NotEmpty(_))), "{again:?}");
}

#[tokio::test]
async fn readers_do_not_stay_at_the_moment_of_the_copy() {
    let folder = Folder::new("readers");
    let from = folder.store("from.db").await;
    copy(&from, &folder.store("to.db").await, |_| {}).await.unwrap();
    from.write(Fill).await.unwrap();
    // The reader of the copy is the only one there is to be given out again.
    assert!(from.read().await.unwrap().query_opt("SELECT 1 FROM passwords", &[]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_backup_is_one_private_file_with_every_row() {
    let folder = Folder::new("backup");
    let from = folder.store("from.db").await;
    from.write(Fill).await.unwrap();
    let file = folder.0.join("backup.db");
    let mut seen = Vec::new();
    from.backup(&file, Timestamp::from_micros(1), |progress| seen.push(progress)).await.unwrap();
    assert!(
        seen.last().is_some_and(|at| at.doing == "writing" && at.total > 0 && at.done == at.total),
        "{seen:?}"
    );
    assert!(
        matches!(from.backup(&file, Timestamp::from_micros(1), |_| {}).await, Err(CopyError::File(_))),
        "a file is never overwritten"
    );
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let alone = folder.0.join("alone.db");
    std::fs::rename(&file, &alone).unwrap();
    let restored = copy(&folder.store("alone.db").await, &folder.store("restored.db").await, |_| {}).await;
    let direct = copy(&from, &folder.store("direct.db").await, |_| {}).await;
    assert_eq!(restored.unwrap(), direct.unwrap());
}

#[tokio::test]
async fn a_target_without_schema_is_refused() {
    let folder = Folder::new("schema");
    let bare = Store::open(&Database::Sqlite(folder.0.join("bare.db"))).await.unwrap();
    let refused = copy(&folder.store("from.db").await, &bare, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotMigrated)), "{refused:?}");
}

/// The texts of a table are written by hand; a value must not land in another's column, nor a page begin elsewhere.
#[test]
fn parameters_have_the_numbers_of_their_columns() {
    let numbered = |first: usize, count: usize| {
        let parameters = (first..first + count).map(|number| format!("?{number}"));
        parameters.collect::<Vec<_>>().join(", ")
    };
    for table in TABLES {
        let columns: Vec<&str> = table.insert.split(['(', ')']).nth(1).unwrap().split(", ").collect();
        let values = format!("VALUES ({})", numbered(1, columns.len()));
        assert!(table.insert.ends_with(&values), "{}: {}", table.name, table.insert);
        let key = format!(
            "WHERE ({}) > ({})",
            columns[..table.key_columns].join(", "),
            numbered(2, table.key_columns)
        );
        assert!(table.next_page.contains(&key), "{}: {}", table.name, table.next_page);
    }
}

/// A table or a column of a later migration that is not named here would be left out in silence.
#[tokio::test]
async fn the_tables_are_those_of_the_schema() {
    let folder = Folder::new("tables");
    let store = folder.store("schema.db").await;
    let mut tx = store.read().await.unwrap();
    let sql = "SELECT m.name, p.name, p.pk FROM sqlite_master m, pragma_table_info(m.name) p
               WHERE m.type = 'table' AND m.name <> 'schema_migrations' ORDER BY m.name, p.cid";
    let mut found = std::collections::BTreeMap::<String, (Vec<String>, usize)>::new();
    for row in tx.query(sql, &[]).await.unwrap() {
        let table = found.entry(row.text(0).unwrap().to_owned()).or_default();
        table.0.push(row.text(1).unwrap().to_owned());
        table.1 += usize::from(row.int(2).unwrap() > 0);
    }
    let named = TABLES.iter().map(|table| {
        let columns = table.insert.split(['(', ')']).nth(1).unwrap();
        (
            table.name.to_owned(),
            (columns.split(", ").map(str::to_owned).collect::<Vec<_>>(), table.key_columns),
        )
    });
    let mut named: std::collections::BTreeMap<_, _> = named.collect();
    for columns in found.values_mut().chain(named.values_mut()) {
        columns.0.sort();
    }
    assert_eq!(named, found);
}

#[test]
fn a_digest_is_of_the_rows_and_not_of_their_order() {
    let digest = |rows: &[&[Value]]| {
        let mut digest = RowsDigest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest.text()
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let (a, b): (&[Value], &[Value]) = (&[text("a"), text("bc")], &[text("ab"), text("c")]);
    assert_eq!(digest(&[a, b]), digest(&[b, a]));
    assert_ne!(digest(&[a]), digest(&[b]));
    assert_ne!(digest(&[&[text("")]]), digest(&[&[Value::Null]]));
    assert_ne!(digest(&[&[text("a")]]), digest(&[&[Value::Bytes(b"a".to_vec())]]));
}
