//! Server messages: notices reach the handlers that were added.
//!
//! Reads the connection string from HOWDAH_DSN.

use std::sync::{Arc, Mutex};

use howdah::{Connection, Diagnostic};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut conn = Connection::connect(&std::env::var("HOWDAH_DSN")?)?;

    // A diagnostic stays valid after the call: it can be kept.
    let kept: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let id = conn.add_notice_handler(move |diag| {
        let severity = diag.severity().unwrap_or_default();
        let message = diag.message_primary().unwrap_or_default();
        println!("The server says: {severity} - {message}");
        if let Ok(mut kept) = keep.lock() {
            kept.push(diag.clone());
        }
    });
    let rows = conn.query("ROLLBACK", ())?;
    println!("{}", rows.status());
    assert_eq!(rows.status(), "ROLLBACK");

    conn.execute(
        "DO $$ BEGIN RAISE NOTICE 'hello' USING HINT = 'take care', DETAIL = 'no matter'; END $$",
        (),
    )?;
    assert!(conn.remove_notice_handler(id));
    conn.execute("ROLLBACK", ())?;

    let kept = kept.lock().map_err(|_| "the handler panicked")?;
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].severity_nonlocalized(), Some("WARNING"));
    assert_eq!(kept[0].sqlstate(), Some("25P01"));
    assert_eq!(kept[1].message_hint(), Some("take care"));
    assert_eq!(kept[1].message_detail(), Some("no matter"));
    Ok(())
}
