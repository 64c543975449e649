//! SQLSTATE codes by name: made by `tools/generate_sqlstates.py`, do not edit.
//!
//! Source: `errcodes.txt` of PostgreSQL, the appendix "PostgreSQL Error Codes".

/// The condition name of a SQLSTATE, as PL/pgSQL spells it: `unique_violation` for 23505.
///
/// `None` for a code that is not in PostgreSQL's list, such as one made up by `RAISE`.
#[must_use]
pub fn condition_name(sqlstate: &str) -> Option<&'static str> {
    let found = CONDITIONS.binary_search_by(|(code, _)| (*code).cmp(sqlstate));
    let (_, name) = CONDITIONS.get(found.ok()?)?;
    Some(name)
}

// Class 00 - Successful Completion

/// `successful_completion`.
pub const SUCCESSFUL_COMPLETION: &str = "00000";

// Class 01 - Warning

/// `warning`.
pub const WARNING: &str = "01000";
/// `null_value_eliminated_in_set_function`.
pub const WARNING_NULL_VALUE_ELIMINATED_IN_SET_FUNCTION: &str = "01003";
/// `string_data_right_truncation`.
pub const WARNING_STRING_DATA_RIGHT_TRUNCATION: &str = "01004";
/// `privilege_not_revoked`.
pub const WARNING_PRIVILEGE_NOT_REVOKED: &str = "01006";
/// `privilege_not_granted`.
pub const WARNING_PRIVILEGE_NOT_GRANTED: &str = "01007";
/// `implicit_zero_bit_padding`.
pub const WARNING_IMPLICIT_ZERO_BIT_PADDING: &str = "01008";
/// `dynamic_result_sets_returned`.
pub const WARNING_DYNAMIC_RESULT_SETS_RETURNED: &str = "0100C";
/// `deprecated_feature`.
pub const WARNING_DEPRECATED_FEATURE: &str = "01P01";

// Class 02 - No Data (this is also a warning class per the SQL standard)

/// `no_data`.
pub const NO_DATA: &str = "02000";
/// `no_additional_dynamic_result_sets_returned`.
pub const NO_ADDITIONAL_DYNAMIC_RESULT_SETS_RETURNED: &str = "02001";

// Class 03 - SQL Statement Not Yet Complete

/// `sql_statement_not_yet_complete`.
pub const SQL_STATEMENT_NOT_YET_COMPLETE: &str = "03000";

// Class 08 - Connection Exception

/// `connection_exception`.
pub const CONNECTION_EXCEPTION: &str = "08000";
/// `sqlclient_unable_to_establish_sqlconnection`.
pub const SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION: &str = "08001";
/// `connection_does_not_exist`.
pub const CONNECTION_DOES_NOT_EXIST: &str = "08003";
/// `sqlserver_rejected_establishment_of_sqlconnection`.
pub const SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION: &str = "08004";
/// `connection_failure`.
pub const CONNECTION_FAILURE: &str = "08006";
/// `transaction_resolution_unknown`.
pub const TRANSACTION_RESOLUTION_UNKNOWN: &str = "08007";
/// `protocol_violation`.
pub const PROTOCOL_VIOLATION: &str = "08P01";

// Class 09 - Triggered Action Exception

/// `triggered_action_exception`.
pub const TRIGGERED_ACTION_EXCEPTION: &str = "09000";

// Class 0A - Feature Not Supported

/// `feature_not_supported`.
pub const FEATURE_NOT_SUPPORTED: &str = "0A000";

// Class 0B - Invalid Transaction Initiation

/// `invalid_transaction_initiation`.
pub const INVALID_TRANSACTION_INITIATION: &str = "0B000";

// Class 0F - Locator Exception

/// `locator_exception`.
pub const LOCATOR_EXCEPTION: &str = "0F000";
/// `invalid_locator_specification`.
pub const L_E_INVALID_SPECIFICATION: &str = "0F001";

// Class 0L - Invalid Grantor

/// `invalid_grantor`.
pub const INVALID_GRANTOR: &str = "0L000";
/// `invalid_grant_operation`.
pub const INVALID_GRANT_OPERATION: &str = "0LP01";

// Class 0P - Invalid Role Specification

/// `invalid_role_specification`.
pub const INVALID_ROLE_SPECIFICATION: &str = "0P000";

// Class 0Z - Diagnostics Exception

/// `diagnostics_exception`.
pub const DIAGNOSTICS_EXCEPTION: &str = "0Z000";
/// `stacked_diagnostics_accessed_without_active_handler`.
pub const STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER: &str = "0Z002";

// Class 10 - XQuery Error

/// `invalid_argument_for_xquery`.
pub const INVALID_ARGUMENT_FOR_XQUERY: &str = "10608";

// Class 20 - Case Not Found

/// `case_not_found`.
pub const CASE_NOT_FOUND: &str = "20000";

// Class 21 - Cardinality Violation

/// `cardinality_violation`.
pub const CARDINALITY_VIOLATION: &str = "21000";

// Class 22 - Data Exception

/// `data_exception`.
pub const DATA_EXCEPTION: &str = "22000";
/// `string_data_right_truncation`.
pub const STRING_DATA_RIGHT_TRUNCATION: &str = "22001";
/// `null_value_no_indicator_parameter`.
pub const NULL_VALUE_NO_INDICATOR_PARAMETER: &str = "22002";
/// `numeric_value_out_of_range`.
pub const NUMERIC_VALUE_OUT_OF_RANGE: &str = "22003";
/// `null_value_not_allowed`.
pub const NULL_VALUE_NOT_ALLOWED: &str = "22004";
/// `error_in_assignment`.
pub const ERROR_IN_ASSIGNMENT: &str = "22005";
/// `invalid_datetime_format`.
pub const INVALID_DATETIME_FORMAT: &str = "22007";
/// `datetime_field_overflow`.
pub const DATETIME_FIELD_OVERFLOW: &str = "22008";
/// `invalid_time_zone_displacement_value`.
pub const INVALID_TIME_ZONE_DISPLACEMENT_VALUE: &str = "22009";
/// `escape_character_conflict`.
pub const ESCAPE_CHARACTER_CONFLICT: &str = "2200B";
/// `invalid_use_of_escape_character`.
pub const INVALID_USE_OF_ESCAPE_CHARACTER: &str = "2200C";
/// `invalid_escape_octet`.
pub const INVALID_ESCAPE_OCTET: &str = "2200D";
/// `zero_length_character_string`.
pub const ZERO_LENGTH_CHARACTER_STRING: &str = "2200F";
/// `most_specific_type_mismatch`.
pub const MOST_SPECIFIC_TYPE_MISMATCH: &str = "2200G";
/// `sequence_generator_limit_exceeded`.
pub const SEQUENCE_GENERATOR_LIMIT_EXCEEDED: &str = "2200H";
/// `not_an_xml_document`.
pub const NOT_AN_XML_DOCUMENT: &str = "2200L";
/// `invalid_xml_document`.
pub const INVALID_XML_DOCUMENT: &str = "2200M";
/// `invalid_xml_content`.
pub const INVALID_XML_CONTENT: &str = "2200N";
/// `invalid_xml_comment`.
pub const INVALID_XML_COMMENT: &str = "2200S";
/// `invalid_xml_processing_instruction`.
pub const INVALID_XML_PROCESSING_INSTRUCTION: &str = "2200T";
/// `invalid_indicator_parameter_value`.
pub const INVALID_INDICATOR_PARAMETER_VALUE: &str = "22010";
/// `substring_error`.
pub const SUBSTRING_ERROR: &str = "22011";
/// `division_by_zero`.
pub const DIVISION_BY_ZERO: &str = "22012";
/// `invalid_preceding_or_following_size`.
pub const INVALID_PRECEDING_OR_FOLLOWING_SIZE: &str = "22013";
/// `invalid_argument_for_ntile_function`.
pub const INVALID_ARGUMENT_FOR_NTILE: &str = "22014";
/// `interval_field_overflow`.
pub const INTERVAL_FIELD_OVERFLOW: &str = "22015";
/// `invalid_argument_for_nth_value_function`.
pub const INVALID_ARGUMENT_FOR_NTH_VALUE: &str = "22016";
/// `invalid_character_value_for_cast`.
pub const INVALID_CHARACTER_VALUE_FOR_CAST: &str = "22018";
/// `invalid_escape_character`.
pub const INVALID_ESCAPE_CHARACTER: &str = "22019";
/// `invalid_regular_expression`.
pub const INVALID_REGULAR_EXPRESSION: &str = "2201B";
/// `invalid_argument_for_logarithm`.
pub const INVALID_ARGUMENT_FOR_LOG: &str = "2201E";
/// `invalid_argument_for_power_function`.
pub const INVALID_ARGUMENT_FOR_POWER_FUNCTION: &str = "2201F";
/// `invalid_argument_for_width_bucket_function`.
pub const INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION: &str = "2201G";
/// `invalid_row_count_in_limit_clause`.
pub const INVALID_ROW_COUNT_IN_LIMIT_CLAUSE: &str = "2201W";
/// `invalid_row_count_in_result_offset_clause`.
pub const INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE: &str = "2201X";
/// `character_not_in_repertoire`.
pub const CHARACTER_NOT_IN_REPERTOIRE: &str = "22021";
/// `indicator_overflow`.
pub const INDICATOR_OVERFLOW: &str = "22022";
/// `invalid_parameter_value`.
pub const INVALID_PARAMETER_VALUE: &str = "22023";
/// `unterminated_c_string`.
pub const UNTERMINATED_C_STRING: &str = "22024";
/// `invalid_escape_sequence`.
pub const INVALID_ESCAPE_SEQUENCE: &str = "22025";
/// `string_data_length_mismatch`.
pub const STRING_DATA_LENGTH_MISMATCH: &str = "22026";
/// `trim_error`.
pub const TRIM_ERROR: &str = "22027";
/// `array_subscript_error`.
pub const ARRAY_SUBSCRIPT_ERROR: &str = "2202E";
/// `invalid_tablesample_repeat`.
pub const INVALID_TABLESAMPLE_REPEAT: &str = "2202G";
/// `invalid_tablesample_argument`.
pub const INVALID_TABLESAMPLE_ARGUMENT: &str = "2202H";
/// `duplicate_json_object_key_value`.
pub const DUPLICATE_JSON_OBJECT_KEY_VALUE: &str = "22030";
/// `invalid_argument_for_sql_json_datetime_function`.
pub const INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION: &str = "22031";
/// `invalid_json_text`.
pub const INVALID_JSON_TEXT: &str = "22032";
/// `invalid_sql_json_subscript`.
pub const INVALID_SQL_JSON_SUBSCRIPT: &str = "22033";
/// `more_than_one_sql_json_item`.
pub const MORE_THAN_ONE_SQL_JSON_ITEM: &str = "22034";
/// `no_sql_json_item`.
pub const NO_SQL_JSON_ITEM: &str = "22035";
/// `non_numeric_sql_json_item`.
pub const NON_NUMERIC_SQL_JSON_ITEM: &str = "22036";
/// `non_unique_keys_in_a_json_object`.
pub const NON_UNIQUE_KEYS_IN_A_JSON_OBJECT: &str = "22037";
/// `singleton_sql_json_item_required`.
pub const SINGLETON_SQL_JSON_ITEM_REQUIRED: &str = "22038";
/// `sql_json_array_not_found`.
pub const SQL_JSON_ARRAY_NOT_FOUND: &str = "22039";
/// `sql_json_member_not_found`.
pub const SQL_JSON_MEMBER_NOT_FOUND: &str = "2203A";
/// `sql_json_number_not_found`.
pub const SQL_JSON_NUMBER_NOT_FOUND: &str = "2203B";
/// `sql_json_object_not_found`.
pub const SQL_JSON_OBJECT_NOT_FOUND: &str = "2203C";
/// `too_many_json_array_elements`.
pub const TOO_MANY_JSON_ARRAY_ELEMENTS: &str = "2203D";
/// `too_many_json_object_members`.
pub const TOO_MANY_JSON_OBJECT_MEMBERS: &str = "2203E";
/// `sql_json_scalar_required`.
pub const SQL_JSON_SCALAR_REQUIRED: &str = "2203F";
/// `sql_json_item_cannot_be_cast_to_target_type`.
pub const SQL_JSON_ITEM_CANNOT_BE_CAST_TO_TARGET_TYPE: &str = "2203G";
/// `floating_point_exception`.
pub const FLOATING_POINT_EXCEPTION: &str = "22P01";
/// `invalid_text_representation`.
pub const INVALID_TEXT_REPRESENTATION: &str = "22P02";
/// `invalid_binary_representation`.
pub const INVALID_BINARY_REPRESENTATION: &str = "22P03";
/// `bad_copy_file_format`.
pub const BAD_COPY_FILE_FORMAT: &str = "22P04";
/// `untranslatable_character`.
pub const UNTRANSLATABLE_CHARACTER: &str = "22P05";
/// `nonstandard_use_of_escape_character`.
pub const NONSTANDARD_USE_OF_ESCAPE_CHARACTER: &str = "22P06";

// Class 23 - Integrity Constraint Violation

/// `integrity_constraint_violation`.
pub const INTEGRITY_CONSTRAINT_VIOLATION: &str = "23000";
/// `restrict_violation`.
pub const RESTRICT_VIOLATION: &str = "23001";
/// `not_null_violation`.
pub const NOT_NULL_VIOLATION: &str = "23502";
/// `foreign_key_violation`.
pub const FOREIGN_KEY_VIOLATION: &str = "23503";
/// `unique_violation`.
pub const UNIQUE_VIOLATION: &str = "23505";
/// `check_violation`.
pub const CHECK_VIOLATION: &str = "23514";
/// `exclusion_violation`.
pub const EXCLUSION_VIOLATION: &str = "23P01";

// Class 24 - Invalid Cursor State

/// `invalid_cursor_state`.
pub const INVALID_CURSOR_STATE: &str = "24000";

// Class 25 - Invalid Transaction State

/// `invalid_transaction_state`.
pub const INVALID_TRANSACTION_STATE: &str = "25000";
/// `active_sql_transaction`.
pub const ACTIVE_SQL_TRANSACTION: &str = "25001";
/// `branch_transaction_already_active`.
pub const BRANCH_TRANSACTION_ALREADY_ACTIVE: &str = "25002";
/// `inappropriate_access_mode_for_branch_transaction`.
pub const INAPPROPRIATE_ACCESS_MODE_FOR_BRANCH_TRANSACTION: &str = "25003";
/// `inappropriate_isolation_level_for_branch_transaction`.
pub const INAPPROPRIATE_ISOLATION_LEVEL_FOR_BRANCH_TRANSACTION: &str = "25004";
/// `no_active_sql_transaction_for_branch_transaction`.
pub const NO_ACTIVE_SQL_TRANSACTION_FOR_BRANCH_TRANSACTION: &str = "25005";
/// `read_only_sql_transaction`.
pub const READ_ONLY_SQL_TRANSACTION: &str = "25006";
/// `schema_and_data_statement_mixing_not_supported`.
pub const SCHEMA_AND_DATA_STATEMENT_MIXING_NOT_SUPPORTED: &str = "25007";
/// `held_cursor_requires_same_isolation_level`.
pub const HELD_CURSOR_REQUIRES_SAME_ISOLATION_LEVEL: &str = "25008";
/// `no_active_sql_transaction`.
pub const NO_ACTIVE_SQL_TRANSACTION: &str = "25P01";
/// `in_failed_sql_transaction`.
pub const IN_FAILED_SQL_TRANSACTION: &str = "25P02";
/// `idle_in_transaction_session_timeout`.
pub const IDLE_IN_TRANSACTION_SESSION_TIMEOUT: &str = "25P03";
/// `transaction_timeout`.
pub const TRANSACTION_TIMEOUT: &str = "25P04";

// Class 26 - Invalid SQL Statement Name

/// `invalid_sql_statement_name`.
pub const INVALID_SQL_STATEMENT_NAME: &str = "26000";

// Class 27 - Triggered Data Change Violation

/// `triggered_data_change_violation`.
pub const TRIGGERED_DATA_CHANGE_VIOLATION: &str = "27000";

// Class 28 - Invalid Authorization Specification

/// `invalid_authorization_specification`.
pub const INVALID_AUTHORIZATION_SPECIFICATION: &str = "28000";
/// `invalid_password`.
pub const INVALID_PASSWORD: &str = "28P01";

// Class 2B - Dependent Privilege Descriptors Still Exist

/// `dependent_privilege_descriptors_still_exist`.
pub const DEPENDENT_PRIVILEGE_DESCRIPTORS_STILL_EXIST: &str = "2B000";
/// `dependent_objects_still_exist`.
pub const DEPENDENT_OBJECTS_STILL_EXIST: &str = "2BP01";

// Class 2D - Invalid Transaction Termination

/// `invalid_transaction_termination`.
pub const INVALID_TRANSACTION_TERMINATION: &str = "2D000";

// Class 2F - SQL Routine Exception

/// `sql_routine_exception`.
pub const SQL_ROUTINE_EXCEPTION: &str = "2F000";
/// `modifying_sql_data_not_permitted`.
pub const S_R_E_MODIFYING_SQL_DATA_NOT_PERMITTED: &str = "2F002";
/// `prohibited_sql_statement_attempted`.
pub const S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED: &str = "2F003";
/// `reading_sql_data_not_permitted`.
pub const S_R_E_READING_SQL_DATA_NOT_PERMITTED: &str = "2F004";
/// `function_executed_no_return_statement`.
pub const S_R_E_FUNCTION_EXECUTED_NO_RETURN_STATEMENT: &str = "2F005";

// Class 34 - Invalid Cursor Name

/// `invalid_cursor_name`.
pub const INVALID_CURSOR_NAME: &str = "34000";

// Class 38 - External Routine Exception

/// `external_routine_exception`.
pub const EXTERNAL_ROUTINE_EXCEPTION: &str = "38000";
/// `containing_sql_not_permitted`.
pub const E_R_E_CONTAINING_SQL_NOT_PERMITTED: &str = "38001";
/// `modifying_sql_data_not_permitted`.
pub const E_R_E_MODIFYING_SQL_DATA_NOT_PERMITTED: &str = "38002";
/// `prohibited_sql_statement_attempted`.
pub const E_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED: &str = "38003";
/// `reading_sql_data_not_permitted`.
pub const E_R_E_READING_SQL_DATA_NOT_PERMITTED: &str = "38004";

// Class 39 - External Routine Invocation Exception

/// `external_routine_invocation_exception`.
pub const EXTERNAL_ROUTINE_INVOCATION_EXCEPTION: &str = "39000";
/// `invalid_sqlstate_returned`.
pub const E_R_I_E_INVALID_SQLSTATE_RETURNED: &str = "39001";
/// `null_value_not_allowed`.
pub const E_R_I_E_NULL_VALUE_NOT_ALLOWED: &str = "39004";
/// `trigger_protocol_violated`.
pub const E_R_I_E_TRIGGER_PROTOCOL_VIOLATED: &str = "39P01";
/// `srf_protocol_violated`.
pub const E_R_I_E_SRF_PROTOCOL_VIOLATED: &str = "39P02";
/// `event_trigger_protocol_violated`.
pub const E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED: &str = "39P03";

// Class 3B - Savepoint Exception

/// `savepoint_exception`.
pub const SAVEPOINT_EXCEPTION: &str = "3B000";
/// `invalid_savepoint_specification`.
pub const S_E_INVALID_SPECIFICATION: &str = "3B001";

// Class 3D - Invalid Catalog Name

/// `invalid_catalog_name`.
pub const INVALID_CATALOG_NAME: &str = "3D000";

// Class 3F - Invalid Schema Name

/// `invalid_schema_name`.
pub const INVALID_SCHEMA_NAME: &str = "3F000";

// Class 40 - Transaction Rollback

/// `transaction_rollback`.
pub const TRANSACTION_ROLLBACK: &str = "40000";
/// `serialization_failure`.
pub const T_R_SERIALIZATION_FAILURE: &str = "40001";
/// `transaction_integrity_constraint_violation`.
pub const T_R_INTEGRITY_CONSTRAINT_VIOLATION: &str = "40002";
/// `statement_completion_unknown`.
pub const T_R_STATEMENT_COMPLETION_UNKNOWN: &str = "40003";
/// `deadlock_detected`.
pub const T_R_DEADLOCK_DETECTED: &str = "40P01";

// Class 42 - Syntax Error or Access Rule Violation

/// `syntax_error_or_access_rule_violation`.
pub const SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION: &str = "42000";
/// `insufficient_privilege`.
pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// `syntax_error`.
pub const SYNTAX_ERROR: &str = "42601";
/// `invalid_name`.
pub const INVALID_NAME: &str = "42602";
/// `invalid_column_definition`.
pub const INVALID_COLUMN_DEFINITION: &str = "42611";
/// `name_too_long`.
pub const NAME_TOO_LONG: &str = "42622";
/// `duplicate_column`.
pub const DUPLICATE_COLUMN: &str = "42701";
/// `ambiguous_column`.
pub const AMBIGUOUS_COLUMN: &str = "42702";
/// `undefined_column`.
pub const UNDEFINED_COLUMN: &str = "42703";
/// `undefined_object`.
pub const UNDEFINED_OBJECT: &str = "42704";
/// `duplicate_object`.
pub const DUPLICATE_OBJECT: &str = "42710";
/// `duplicate_alias`.
pub const DUPLICATE_ALIAS: &str = "42712";
/// `duplicate_function`.
pub const DUPLICATE_FUNCTION: &str = "42723";
/// `ambiguous_function`.
pub const AMBIGUOUS_FUNCTION: &str = "42725";
/// `grouping_error`.
pub const GROUPING_ERROR: &str = "42803";
/// `datatype_mismatch`.
pub const DATATYPE_MISMATCH: &str = "42804";
/// `wrong_object_type`.
pub const WRONG_OBJECT_TYPE: &str = "42809";
/// `invalid_foreign_key`.
pub const INVALID_FOREIGN_KEY: &str = "42830";
/// `cannot_coerce`.
pub const CANNOT_COERCE: &str = "42846";
/// `undefined_function`.
pub const UNDEFINED_FUNCTION: &str = "42883";
/// `generated_always`.
pub const GENERATED_ALWAYS: &str = "428C9";
/// `reserved_name`.
pub const RESERVED_NAME: &str = "42939";
/// `undefined_table`.
pub const UNDEFINED_TABLE: &str = "42P01";
/// `undefined_parameter`.
pub const UNDEFINED_PARAMETER: &str = "42P02";
/// `duplicate_cursor`.
pub const DUPLICATE_CURSOR: &str = "42P03";
/// `duplicate_database`.
pub const DUPLICATE_DATABASE: &str = "42P04";
/// `duplicate_prepared_statement`.
pub const DUPLICATE_PSTATEMENT: &str = "42P05";
/// `duplicate_schema`.
pub const DUPLICATE_SCHEMA: &str = "42P06";
/// `duplicate_table`.
pub const DUPLICATE_TABLE: &str = "42P07";
/// `ambiguous_parameter`.
pub const AMBIGUOUS_PARAMETER: &str = "42P08";
/// `ambiguous_alias`.
pub const AMBIGUOUS_ALIAS: &str = "42P09";
/// `invalid_column_reference`.
pub const INVALID_COLUMN_REFERENCE: &str = "42P10";
/// `invalid_cursor_definition`.
pub const INVALID_CURSOR_DEFINITION: &str = "42P11";
/// `invalid_database_definition`.
pub const INVALID_DATABASE_DEFINITION: &str = "42P12";
/// `invalid_function_definition`.
pub const INVALID_FUNCTION_DEFINITION: &str = "42P13";
/// `invalid_prepared_statement_definition`.
pub const INVALID_PSTATEMENT_DEFINITION: &str = "42P14";
/// `invalid_schema_definition`.
pub const INVALID_SCHEMA_DEFINITION: &str = "42P15";
/// `invalid_table_definition`.
pub const INVALID_TABLE_DEFINITION: &str = "42P16";
/// `invalid_object_definition`.
pub const INVALID_OBJECT_DEFINITION: &str = "42P17";
/// `indeterminate_datatype`.
pub const INDETERMINATE_DATATYPE: &str = "42P18";
/// `invalid_recursion`.
pub const INVALID_RECURSION: &str = "42P19";
/// `windowing_error`.
pub const WINDOWING_ERROR: &str = "42P20";
/// `collation_mismatch`.
pub const COLLATION_MISMATCH: &str = "42P21";
/// `indeterminate_collation`.
pub const INDETERMINATE_COLLATION: &str = "42P22";

// Class 44 - WITH CHECK OPTION Violation

/// `with_check_option_violation`.
pub const WITH_CHECK_OPTION_VIOLATION: &str = "44000";

// Class 53 - Insufficient Resources

/// `insufficient_resources`.
pub const INSUFFICIENT_RESOURCES: &str = "53000";
/// `disk_full`.
pub const DISK_FULL: &str = "53100";
/// `out_of_memory`.
pub const OUT_OF_MEMORY: &str = "53200";
/// `too_many_connections`.
pub const TOO_MANY_CONNECTIONS: &str = "53300";
/// `configuration_limit_exceeded`.
pub const CONFIGURATION_LIMIT_EXCEEDED: &str = "53400";

// Class 54 - Program Limit Exceeded

/// `program_limit_exceeded`.
pub const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
/// `statement_too_complex`.
pub const STATEMENT_TOO_COMPLEX: &str = "54001";
/// `too_many_columns`.
pub const TOO_MANY_COLUMNS: &str = "54011";
/// `too_many_arguments`.
pub const TOO_MANY_ARGUMENTS: &str = "54023";

// Class 55 - Object Not In Prerequisite State

/// `object_not_in_prerequisite_state`.
pub const OBJECT_NOT_IN_PREREQUISITE_STATE: &str = "55000";
/// `object_in_use`.
pub const OBJECT_IN_USE: &str = "55006";
/// `cant_change_runtime_param`.
pub const CANT_CHANGE_RUNTIME_PARAM: &str = "55P02";
/// `lock_not_available`.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
/// `unsafe_new_enum_value_usage`.
pub const UNSAFE_NEW_ENUM_VALUE_USAGE: &str = "55P04";

// Class 57 - Operator Intervention

/// `operator_intervention`.
pub const OPERATOR_INTERVENTION: &str = "57000";
/// `query_canceled`.
pub const QUERY_CANCELED: &str = "57014";
/// `admin_shutdown`.
pub const ADMIN_SHUTDOWN: &str = "57P01";
/// `crash_shutdown`.
pub const CRASH_SHUTDOWN: &str = "57P02";
/// `cannot_connect_now`.
pub const CANNOT_CONNECT_NOW: &str = "57P03";
/// `database_dropped`.
pub const DATABASE_DROPPED: &str = "57P04";
/// `idle_session_timeout`.
pub const IDLE_SESSION_TIMEOUT: &str = "57P05";

// Class 58 - System Error (errors external to PostgreSQL itself)

/// `system_error`.
pub const SYSTEM_ERROR: &str = "58000";
/// `io_error`.
pub const IO_ERROR: &str = "58030";
/// `undefined_file`.
pub const UNDEFINED_FILE: &str = "58P01";
/// `duplicate_file`.
pub const DUPLICATE_FILE: &str = "58P02";
/// `file_name_too_long`.
pub const FILE_NAME_TOO_LONG: &str = "58P03";

// Class 72 - Snapshot Failure

/// `snapshot_too_old`.
pub const SNAPSHOT_TOO_OLD: &str = "72000";

// Class F0 - Configuration File Error

/// `config_file_error`.
pub const CONFIG_FILE_ERROR: &str = "F0000";
/// `lock_file_exists`.
pub const LOCK_FILE_EXISTS: &str = "F0001";

// Class HV - Foreign Data Wrapper Error (SQL/MED)

/// `fdw_error`.
pub const FDW_ERROR: &str = "HV000";
/// `fdw_out_of_memory`.
pub const FDW_OUT_OF_MEMORY: &str = "HV001";
/// `fdw_dynamic_parameter_value_needed`.
pub const FDW_DYNAMIC_PARAMETER_VALUE_NEEDED: &str = "HV002";
/// `fdw_invalid_data_type`.
pub const FDW_INVALID_DATA_TYPE: &str = "HV004";
/// `fdw_column_name_not_found`.
pub const FDW_COLUMN_NAME_NOT_FOUND: &str = "HV005";
/// `fdw_invalid_data_type_descriptors`.
pub const FDW_INVALID_DATA_TYPE_DESCRIPTORS: &str = "HV006";
/// `fdw_invalid_column_name`.
pub const FDW_INVALID_COLUMN_NAME: &str = "HV007";
/// `fdw_invalid_column_number`.
pub const FDW_INVALID_COLUMN_NUMBER: &str = "HV008";
/// `fdw_invalid_use_of_null_pointer`.
pub const FDW_INVALID_USE_OF_NULL_POINTER: &str = "HV009";
/// `fdw_invalid_string_format`.
pub const FDW_INVALID_STRING_FORMAT: &str = "HV00A";
/// `fdw_invalid_handle`.
pub const FDW_INVALID_HANDLE: &str = "HV00B";
/// `fdw_invalid_option_index`.
pub const FDW_INVALID_OPTION_INDEX: &str = "HV00C";
/// `fdw_invalid_option_name`.
pub const FDW_INVALID_OPTION_NAME: &str = "HV00D";
/// `fdw_option_name_not_found`.
pub const FDW_OPTION_NAME_NOT_FOUND: &str = "HV00J";
/// `fdw_reply_handle`.
pub const FDW_REPLY_HANDLE: &str = "HV00K";
/// `fdw_unable_to_create_execution`.
pub const FDW_UNABLE_TO_CREATE_EXECUTION: &str = "HV00L";
/// `fdw_unable_to_create_reply`.
pub const FDW_UNABLE_TO_CREATE_REPLY: &str = "HV00M";
/// `fdw_unable_to_establish_connection`.
pub const FDW_UNABLE_TO_ESTABLISH_CONNECTION: &str = "HV00N";
/// `fdw_no_schemas`.
pub const FDW_NO_SCHEMAS: &str = "HV00P";
/// `fdw_schema_not_found`.
pub const FDW_SCHEMA_NOT_FOUND: &str = "HV00Q";
/// `fdw_table_not_found`.
pub const FDW_TABLE_NOT_FOUND: &str = "HV00R";
/// `fdw_function_sequence_error`.
pub const FDW_FUNCTION_SEQUENCE_ERROR: &str = "HV010";
/// `fdw_too_many_handles`.
pub const FDW_TOO_MANY_HANDLES: &str = "HV014";
/// `fdw_inconsistent_descriptor_information`.
pub const FDW_INCONSISTENT_DESCRIPTOR_INFORMATION: &str = "HV021";
/// `fdw_invalid_attribute_value`.
pub const FDW_INVALID_ATTRIBUTE_VALUE: &str = "HV024";
/// `fdw_invalid_string_length_or_buffer_length`.
pub const FDW_INVALID_STRING_LENGTH_OR_BUFFER_LENGTH: &str = "HV090";
/// `fdw_invalid_descriptor_field_identifier`.
pub const FDW_INVALID_DESCRIPTOR_FIELD_IDENTIFIER: &str = "HV091";

// Class P0 - PL/pgSQL Error

/// `plpgsql_error`.
pub const PLPGSQL_ERROR: &str = "P0000";
/// `raise_exception`.
pub const RAISE_EXCEPTION: &str = "P0001";
/// `no_data_found`.
pub const NO_DATA_FOUND: &str = "P0002";
/// `too_many_rows`.
pub const TOO_MANY_ROWS: &str = "P0003";
/// `assert_failure`.
pub const ASSERT_FAILURE: &str = "P0004";

// Class XX - Internal Error

/// `internal_error`.
pub const INTERNAL_ERROR: &str = "XX000";
/// `data_corrupted`.
pub const DATA_CORRUPTED: &str = "XX001";
/// `index_corrupted`.
pub const INDEX_CORRUPTED: &str = "XX002";

/// Every code with its condition name, in the order of the codes.
pub const CONDITIONS: &[(&str, &str)] = &[
    ("00000", "successful_completion"),
    ("01000", "warning"),
    ("01003", "null_value_eliminated_in_set_function"),
    ("01004", "string_data_right_truncation"),
    ("01006", "privilege_not_revoked"),
    ("01007", "privilege_not_granted"),
    ("01008", "implicit_zero_bit_padding"),
    ("0100C", "dynamic_result_sets_returned"),
    ("01P01", "deprecated_feature"),
    ("02000", "no_data"),
    ("02001", "no_additional_dynamic_result_sets_returned"),
    ("03000", "sql_statement_not_yet_complete"),
    ("08000", "connection_exception"),
    ("08001", "sqlclient_unable_to_establish_sqlconnection"),
    ("08003", "connection_does_not_exist"),
    ("08004", "sqlserver_rejected_establishment_of_sqlconnection"),
    ("08006", "connection_failure"),
    ("08007", "transaction_resolution_unknown"),
    ("08P01", "protocol_violation"),
    ("09000", "triggered_action_exception"),
    ("0A000", "feature_not_supported"),
    ("0B000", "invalid_transaction_initiation"),
    ("0F000", "locator_exception"),
    ("0F001", "invalid_locator_specification"),
    ("0L000", "invalid_grantor"),
    ("0LP01", "invalid_grant_operation"),
    ("0P000", "invalid_role_specification"),
    ("0Z000", "diagnostics_exception"),
    (
        "0Z002",
        "stacked_diagnostics_accessed_without_active_handler",
    ),
    ("10608", "invalid_argument_for_xquery"),
    ("20000", "case_not_found"),
    ("21000", "cardinality_violation"),
    ("22000", "data_exception"),
    ("22001", "string_data_right_truncation"),
    ("22002", "null_value_no_indicator_parameter"),
    ("22003", "numeric_value_out_of_range"),
    ("22004", "null_value_not_allowed"),
    ("22005", "error_in_assignment"),
    ("22007", "invalid_datetime_format"),
    ("22008", "datetime_field_overflow"),
    ("22009", "invalid_time_zone_displacement_value"),
    ("2200B", "escape_character_conflict"),
    ("2200C", "invalid_use_of_escape_character"),
    ("2200D", "invalid_escape_octet"),
    ("2200F", "zero_length_character_string"),
    ("2200G", "most_specific_type_mismatch"),
    ("2200H", "sequence_generator_limit_exceeded"),
    ("2200L", "not_an_xml_document"),
    ("2200M", "invalid_xml_document"),
    ("2200N", "invalid_xml_content"),
    ("2200S", "invalid_xml_comment"),
    ("2200T", "invalid_xml_processing_instruction"),
    ("22010", "invalid_indicator_parameter_value"),
    ("22011", "substring_error"),
    ("22012", "division_by_zero"),
    ("22013", "invalid_preceding_or_following_size"),
    ("22014", "invalid_argument_for_ntile_function"),
    ("22015", "interval_field_overflow"),
    ("22016", "invalid_argument_for_nth_value_function"),
    ("22018", "invalid_character_value_for_cast"),
    ("22019", "invalid_escape_character"),
    ("2201B", "invalid_regular_expression"),
    ("2201E", "invalid_argument_for_logarithm"),
    ("2201F", "invalid_argument_for_power_function"),
    ("2201G", "invalid_argument_for_width_bucket_function"),
    ("2201W", "invalid_row_count_in_limit_clause"),
    ("2201X", "invalid_row_count_in_result_offset_clause"),
    ("22021", "character_not_in_repertoire"),
    ("22022", "indicator_overflow"),
    ("22023", "invalid_parameter_value"),
    ("22024", "unterminated_c_string"),
    ("22025", "invalid_escape_sequence"),
    ("22026", "string_data_length_mismatch"),
    ("22027", "trim_error"),
    ("2202E", "array_subscript_error"),
    ("2202G", "invalid_tablesample_repeat"),
    ("2202H", "invalid_tablesample_argument"),
    ("22030", "duplicate_json_object_key_value"),
    ("22031", "invalid_argument_for_sql_json_datetime_function"),
    ("22032", "invalid_json_text"),
    ("22033", "invalid_sql_json_subscript"),
    ("22034", "more_than_one_sql_json_item"),
    ("22035", "no_sql_json_item"),
    ("22036", "non_numeric_sql_json_item"),
    ("22037", "non_unique_keys_in_a_json_object"),
    ("22038", "singleton_sql_json_item_required"),
    ("22039", "sql_json_array_not_found"),
    ("2203A", "sql_json_member_not_found"),
    ("2203B", "sql_json_number_not_found"),
    ("2203C", "sql_json_object_not_found"),
    ("2203D", "too_many_json_array_elements"),
    ("2203E", "too_many_json_object_members"),
    ("2203F", "sql_json_scalar_required"),
    ("2203G", "sql_json_item_cannot_be_cast_to_target_type"),
    ("22P01", "floating_point_exception"),
    ("22P02", "invalid_text_representation"),
    ("22P03", "invalid_binary_representation"),
    ("22P04", "bad_copy_file_format"),
    ("22P05", "untranslatable_character"),
    ("22P06", "nonstandard_use_of_escape_character"),
    ("23000", "integrity_constraint_violation"),
    ("23001", "restrict_violation"),
    ("23502", "not_null_violation"),
    ("23503", "foreign_key_violation"),
    ("23505", "unique_violation"),
    ("23514", "check_violation"),
    ("23P01", "exclusion_violation"),
    ("24000", "invalid_cursor_state"),
    ("25000", "invalid_transaction_state"),
    ("25001", "active_sql_transaction"),
    ("25002", "branch_transaction_already_active"),
    ("25003", "inappropriate_access_mode_for_branch_transaction"),
    (
        "25004",
        "inappropriate_isolation_level_for_branch_transaction",
    ),
    ("25005", "no_active_sql_transaction_for_branch_transaction"),
    ("25006", "read_only_sql_transaction"),
    ("25007", "schema_and_data_statement_mixing_not_supported"),
    ("25008", "held_cursor_requires_same_isolation_level"),
    ("25P01", "no_active_sql_transaction"),
    ("25P02", "in_failed_sql_transaction"),
    ("25P03", "idle_in_transaction_session_timeout"),
    ("25P04", "transaction_timeout"),
    ("26000", "invalid_sql_statement_name"),
    ("27000", "triggered_data_change_violation"),
    ("28000", "invalid_authorization_specification"),
    ("28P01", "invalid_password"),
    ("2B000", "dependent_privilege_descriptors_still_exist"),
    ("2BP01", "dependent_objects_still_exist"),
    ("2D000", "invalid_transaction_termination"),
    ("2F000", "sql_routine_exception"),
    ("2F002", "modifying_sql_data_not_permitted"),
    ("2F003", "prohibited_sql_statement_attempted"),
    ("2F004", "reading_sql_data_not_permitted"),
    ("2F005", "function_executed_no_return_statement"),
    ("34000", "invalid_cursor_name"),
    ("38000", "external_routine_exception"),
    ("38001", "containing_sql_not_permitted"),
    ("38002", "modifying_sql_data_not_permitted"),
    ("38003", "prohibited_sql_statement_attempted"),
    ("38004", "reading_sql_data_not_permitted"),
    ("39000", "external_routine_invocation_exception"),
    ("39001", "invalid_sqlstate_returned"),
    ("39004", "null_value_not_allowed"),
    ("39P01", "trigger_protocol_violated"),
    ("39P02", "srf_protocol_violated"),
    ("39P03", "event_trigger_protocol_violated"),
    ("3B000", "savepoint_exception"),
    ("3B001", "invalid_savepoint_specification"),
    ("3D000", "invalid_catalog_name"),
    ("3F000", "invalid_schema_name"),
    ("40000", "transaction_rollback"),
    ("40001", "serialization_failure"),
    ("40002", "transaction_integrity_constraint_violation"),
    ("40003", "statement_completion_unknown"),
    ("40P01", "deadlock_detected"),
    ("42000", "syntax_error_or_access_rule_violation"),
    ("42501", "insufficient_privilege"),
    ("42601", "syntax_error"),
    ("42602", "invalid_name"),
    ("42611", "invalid_column_definition"),
    ("42622", "name_too_long"),
    ("42701", "duplicate_column"),
    ("42702", "ambiguous_column"),
    ("42703", "undefined_column"),
    ("42704", "undefined_object"),
    ("42710", "duplicate_object"),
    ("42712", "duplicate_alias"),
    ("42723", "duplicate_function"),
    ("42725", "ambiguous_function"),
    ("42803", "grouping_error"),
    ("42804", "datatype_mismatch"),
    ("42809", "wrong_object_type"),
    ("42830", "invalid_foreign_key"),
    ("42846", "cannot_coerce"),
    ("42883", "undefined_function"),
    ("428C9", "generated_always"),
    ("42939", "reserved_name"),
    ("42P01", "undefined_table"),
    ("42P02", "undefined_parameter"),
    ("42P03", "duplicate_cursor"),
    ("42P04", "duplicate_database"),
    ("42P05", "duplicate_prepared_statement"),
    ("42P06", "duplicate_schema"),
    ("42P07", "duplicate_table"),
    ("42P08", "ambiguous_parameter"),
    ("42P09", "ambiguous_alias"),
    ("42P10", "invalid_column_reference"),
    ("42P11", "invalid_cursor_definition"),
    ("42P12", "invalid_database_definition"),
    ("42P13", "invalid_function_definition"),
    ("42P14", "invalid_prepared_statement_definition"),
    ("42P15", "invalid_schema_definition"),
    ("42P16", "invalid_table_definition"),
    ("42P17", "invalid_object_definition"),
    ("42P18", "indeterminate_datatype"),
    ("42P19", "invalid_recursion"),
    ("42P20", "windowing_error"),
    ("42P21", "collation_mismatch"),
    ("42P22", "indeterminate_collation"),
    ("44000", "with_check_option_violation"),
    ("53000", "insufficient_resources"),
    ("53100", "disk_full"),
    ("53200", "out_of_memory"),
    ("53300", "too_many_connections"),
    ("53400", "configuration_limit_exceeded"),
    ("54000", "program_limit_exceeded"),
    ("54001", "statement_too_complex"),
    ("54011", "too_many_columns"),
    ("54023", "too_many_arguments"),
    ("55000", "object_not_in_prerequisite_state"),
    ("55006", "object_in_use"),
    ("55P02", "cant_change_runtime_param"),
    ("55P03", "lock_not_available"),
    ("55P04", "unsafe_new_enum_value_usage"),
    ("57000", "operator_intervention"),
    ("57014", "query_canceled"),
    ("57P01", "admin_shutdown"),
    ("57P02", "crash_shutdown"),
    ("57P03", "cannot_connect_now"),
    ("57P04", "database_dropped"),
    ("57P05", "idle_session_timeout"),
    ("58000", "system_error"),
    ("58030", "io_error"),
    ("58P01", "undefined_file"),
    ("58P02", "duplicate_file"),
    ("58P03", "file_name_too_long"),
    ("72000", "snapshot_too_old"),
    ("F0000", "config_file_error"),
    ("F0001", "lock_file_exists"),
    ("HV000", "fdw_error"),
    ("HV001", "fdw_out_of_memory"),
    ("HV002", "fdw_dynamic_parameter_value_needed"),
    ("HV004", "fdw_invalid_data_type"),
    ("HV005", "fdw_column_name_not_found"),
    ("HV006", "fdw_invalid_data_type_descriptors"),
    ("HV007", "fdw_invalid_column_name"),
    ("HV008", "fdw_invalid_column_number"),
    ("HV009", "fdw_invalid_use_of_null_pointer"),
    ("HV00A", "fdw_invalid_string_format"),
    ("HV00B", "fdw_invalid_handle"),
    ("HV00C", "fdw_invalid_option_index"),
    ("HV00D", "fdw_invalid_option_name"),
    ("HV00J", "fdw_option_name_not_found"),
    ("HV00K", "fdw_reply_handle"),
    ("HV00L", "fdw_unable_to_create_execution"),
    ("HV00M", "fdw_unable_to_create_reply"),
    ("HV00N", "fdw_unable_to_establish_connection"),
    ("HV00P", "fdw_no_schemas"),
    ("HV00Q", "fdw_schema_not_found"),
    ("HV00R", "fdw_table_not_found"),
    ("HV010", "fdw_function_sequence_error"),
    ("HV014", "fdw_too_many_handles"),
    ("HV021", "fdw_inconsistent_descriptor_information"),
    ("HV024", "fdw_invalid_attribute_value"),
    ("HV090", "fdw_invalid_string_length_or_buffer_length"),
    ("HV091", "fdw_invalid_descriptor_field_identifier"),
    ("P0000", "plpgsql_error"),
    ("P0001", "raise_exception"),
    ("P0002", "no_data_found"),
    ("P0003", "too_many_rows"),
    ("P0004", "assert_failure"),
    ("XX000", "internal_error"),
    ("XX001", "data_corrupted"),
    ("XX002", "index_corrupted"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_name_and_an_unknown_one_has_none() {
        assert_eq!(condition_name(UNIQUE_VIOLATION), Some("unique_violation"));
        assert_eq!(condition_name("72000"), Some("snapshot_too_old"));
        assert_eq!(condition_name("ZZZZZ"), None);
        assert_eq!(condition_name(""), None);
    }

    #[test]
    fn the_table_is_sorted_without_repetition() {
        assert!(CONDITIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
