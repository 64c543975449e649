"""One exception class for each SQLSTATE: made by tools/generate_sqlstates.py, do not edit.

Import from `howdah.errors`.
"""

from ._error_base import (
    DatabaseError,
    DataError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

__all__ = [
    "ActiveSqlTransaction",
    "AdminShutdown",
    "AmbiguousAlias",
    "AmbiguousColumn",
    "AmbiguousFunction",
    "AmbiguousParameter",
    "ArraySubscriptError",
    "AssertFailure",
    "BadCopyFileFormat",
    "BranchTransactionAlreadyActive",
    "CannotCoerce",
    "CannotConnectNow",
    "CantChangeRuntimeParam",
    "CardinalityViolation",
    "CaseNotFound",
    "CharacterNotInRepertoire",
    "CheckViolation",
    "CollationMismatch",
    "ConfigFileError",
    "ConfigurationLimitExceeded",
    "ConnectionDoesNotExist",
    "ConnectionException",
    "ConnectionFailure",
    "ContainingSqlNotPermitted",
    "CrashShutdown",
    "DataCorrupted",
    "DataException",
    "DatabaseDropped",
    "DatatypeMismatch",
    "DatetimeFieldOverflow",
    "DeadlockDetected",
    "DependentObjectsStillExist",
    "DependentPrivilegeDescriptorsStillExist",
    "DiagnosticsException",
    "DiskFull",
    "DivisionByZero",
    "DuplicateAlias",
    "DuplicateColumn",
    "DuplicateCursor",
    "DuplicateDatabase",
    "DuplicateFile",
    "DuplicateFunction",
    "DuplicateJsonObjectKeyValue",
    "DuplicateObject",
    "DuplicatePreparedStatement",
    "DuplicateSchema",
    "DuplicateTable",
    "ErrorInAssignment",
    "EscapeCharacterConflict",
    "EventTriggerProtocolViolated",
    "ExclusionViolation",
    "ExternalRoutineException",
    "ExternalRoutineInvocationException",
    "FdwColumnNameNotFound",
    "FdwDynamicParameterValueNeeded",
    "FdwError",
    "FdwFunctionSequenceError",
    "FdwInconsistentDescriptorInformation",
    "FdwInvalidAttributeValue",
    "FdwInvalidColumnName",
    "FdwInvalidColumnNumber",
    "FdwInvalidDataType",
    "FdwInvalidDataTypeDescriptors",
    "FdwInvalidDescriptorFieldIdentifier",
    "FdwInvalidHandle",
    "FdwInvalidOptionIndex",
    "FdwInvalidOptionName",
    "FdwInvalidStringFormat",
    "FdwInvalidStringLengthOrBufferLength",
    "FdwInvalidUseOfNullPointer",
    "FdwNoSchemas",
    "FdwOptionNameNotFound",
    "FdwOutOfMemory",
    "FdwReplyHandle",
    "FdwSchemaNotFound",
    "FdwTableNotFound",
    "FdwTooManyHandles",
    "FdwUnableToCreateExecution",
    "FdwUnableToCreateReply",
    "FdwUnableToEstablishConnection",
    "FeatureNotSupported",
    "FileNameTooLong",
    "FloatingPointException",
    "ForeignKeyViolation",
    "FunctionExecutedNoReturnStatement",
    "GeneratedAlways",
    "GroupingError",
    "HeldCursorRequiresSameIsolationLevel",
    "IdleInTransactionSessionTimeout",
    "IdleSessionTimeout",
    "InFailedSqlTransaction",
    "InappropriateAccessModeForBranchTransaction",
    "InappropriateIsolationLevelForBranchTransaction",
    "IndeterminateCollation",
    "IndeterminateDatatype",
    "IndexCorrupted",
    "IndicatorOverflow",
    "InsufficientPrivilege",
    "InsufficientResources",
    "IntegrityConstraintViolation",
    "InternalError_",
    "IntervalFieldOverflow",
    "InvalidArgumentForLogarithm",
    "InvalidArgumentForNthValueFunction",
    "InvalidArgumentForNtileFunction",
    "InvalidArgumentForPowerFunction",
    "InvalidArgumentForSqlJsonDatetimeFunction",
    "InvalidArgumentForWidthBucketFunction",
    "InvalidArgumentForXquery",
    "InvalidAuthorizationSpecification",
    "InvalidBinaryRepresentation",
    "InvalidCatalogName",
    "InvalidCharacterValueForCast",
    "InvalidColumnDefinition",
    "InvalidColumnReference",
    "InvalidCursorDefinition",
    "InvalidCursorName",
    "InvalidCursorState",
    "InvalidDatabaseDefinition",
    "InvalidDatetimeFormat",
    "InvalidEscapeCharacter",
    "InvalidEscapeOctet",
    "InvalidEscapeSequence",
    "InvalidForeignKey",
    "InvalidFunctionDefinition",
    "InvalidGrantOperation",
    "InvalidGrantor",
    "InvalidIndicatorParameterValue",
    "InvalidJsonText",
    "InvalidLocatorSpecification",
    "InvalidName",
    "InvalidObjectDefinition",
    "InvalidParameterValue",
    "InvalidPassword",
    "InvalidPrecedingOrFollowingSize",
    "InvalidPreparedStatementDefinition",
    "InvalidRecursion",
    "InvalidRegularExpression",
    "InvalidRoleSpecification",
    "InvalidRowCountInLimitClause",
    "InvalidRowCountInResultOffsetClause",
    "InvalidSavepointSpecification",
    "InvalidSchemaDefinition",
    "InvalidSchemaName",
    "InvalidSqlJsonSubscript",
    "InvalidSqlStatementName",
    "InvalidSqlstateReturned",
    "InvalidTableDefinition",
    "InvalidTablesampleArgument",
    "InvalidTablesampleRepeat",
    "InvalidTextRepresentation",
    "InvalidTimeZoneDisplacementValue",
    "InvalidTransactionInitiation",
    "InvalidTransactionState",
    "InvalidTransactionTermination",
    "InvalidUseOfEscapeCharacter",
    "InvalidXmlComment",
    "InvalidXmlContent",
    "InvalidXmlDocument",
    "InvalidXmlProcessingInstruction",
    "IoError",
    "LocatorException",
    "LockFileExists",
    "LockNotAvailable",
    "ModifyingSqlDataNotPermitted",
    "ModifyingSqlDataNotPermittedExt",
    "MoreThanOneSqlJsonItem",
    "MostSpecificTypeMismatch",
    "NameTooLong",
    "NoActiveSqlTransaction",
    "NoActiveSqlTransactionForBranchTransaction",
    "NoAdditionalDynamicResultSetsReturned",
    "NoData",
    "NoDataFound",
    "NoSqlJsonItem",
    "NonNumericSqlJsonItem",
    "NonUniqueKeysInAJsonObject",
    "NonstandardUseOfEscapeCharacter",
    "NotAnXmlDocument",
    "NotNullViolation",
    "NullValueNoIndicatorParameter",
    "NullValueNotAllowed",
    "NullValueNotAllowedExt",
    "NumericValueOutOfRange",
    "ObjectInUse",
    "ObjectNotInPrerequisiteState",
    "OperatorIntervention",
    "OutOfMemory",
    "PlpgsqlError",
    "ProgramLimitExceeded",
    "ProhibitedSqlStatementAttempted",
    "ProhibitedSqlStatementAttemptedExt",
    "ProtocolViolation",
    "QueryCanceled",
    "RaiseException",
    "ReadOnlySqlTransaction",
    "ReadingSqlDataNotPermitted",
    "ReadingSqlDataNotPermittedExt",
    "ReservedName",
    "RestrictViolation",
    "SavepointException",
    "SchemaAndDataStatementMixingNotSupported",
    "SequenceGeneratorLimitExceeded",
    "SerializationFailure",
    "SingletonSqlJsonItemRequired",
    "SnapshotTooOld",
    "SqlJsonArrayNotFound",
    "SqlJsonItemCannotBeCastToTargetType",
    "SqlJsonMemberNotFound",
    "SqlJsonNumberNotFound",
    "SqlJsonObjectNotFound",
    "SqlJsonScalarRequired",
    "SqlRoutineException",
    "SqlStatementNotYetComplete",
    "SqlclientUnableToEstablishSqlconnection",
    "SqlserverRejectedEstablishmentOfSqlconnection",
    "SrfProtocolViolated",
    "StackedDiagnosticsAccessedWithoutActiveHandler",
    "StatementCompletionUnknown",
    "StatementTooComplex",
    "StringDataLengthMismatch",
    "StringDataRightTruncation",
    "SubstringError",
    "SyntaxError",
    "SyntaxErrorOrAccessRuleViolation",
    "SystemError",
    "TooManyArguments",
    "TooManyColumns",
    "TooManyConnections",
    "TooManyJsonArrayElements",
    "TooManyJsonObjectMembers",
    "TooManyRows",
    "TransactionIntegrityConstraintViolation",
    "TransactionResolutionUnknown",
    "TransactionRollback",
    "TransactionTimeout",
    "TriggerProtocolViolated",
    "TriggeredActionException",
    "TriggeredDataChangeViolation",
    "TrimError",
    "UndefinedColumn",
    "UndefinedFile",
    "UndefinedFunction",
    "UndefinedObject",
    "UndefinedParameter",
    "UndefinedTable",
    "UniqueViolation",
    "UnsafeNewEnumValueUsage",
    "UnterminatedCString",
    "UntranslatableCharacter",
    "WindowingError",
    "WithCheckOptionViolation",
    "WrongObjectType",
    "ZeroLengthCharacterString",
]


# Class 02 - No Data (this is also a warning class per the SQL standard)


class NoData(DatabaseError, code="02000", name="NO_DATA"):
    """SQLSTATE 02000, no_data."""

    __module__ = "howdah.errors"


class NoAdditionalDynamicResultSetsReturned(
    DatabaseError, code="02001", name="NO_ADDITIONAL_DYNAMIC_RESULT_SETS_RETURNED"
):
    """SQLSTATE 02001, no_additional_dynamic_result_sets_returned."""

    __module__ = "howdah.errors"


# Class 03 - SQL Statement Not Yet Complete


class SqlStatementNotYetComplete(DatabaseError, code="03000", name="SQL_STATEMENT_NOT_YET_COMPLETE"):
    """SQLSTATE 03000, sql_statement_not_yet_complete."""

    __module__ = "howdah.errors"


# Class 08 - Connection Exception


class ConnectionException(OperationalError, code="08000", name="CONNECTION_EXCEPTION"):
    """SQLSTATE 08000, connection_exception."""

    __module__ = "howdah.errors"


class SqlclientUnableToEstablishSqlconnection(
    OperationalError, code="08001", name="SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION"
):
    """SQLSTATE 08001, sqlclient_unable_to_establish_sqlconnection."""

    __module__ = "howdah.errors"


class ConnectionDoesNotExist(OperationalError, code="08003", name="CONNECTION_DOES_NOT_EXIST"):
    """SQLSTATE 08003, connection_does_not_exist."""

    __module__ = "howdah.errors"


class SqlserverRejectedEstablishmentOfSqlconnection(
    OperationalError, code="08004", name="SQLSERVER_REJECTED_ESTABLISHMENT_OF_SQLCONNECTION"
):
    """SQLSTATE 08004, sqlserver_rejected_establishment_of_sqlconnection."""

    __module__ = "howdah.errors"


class ConnectionFailure(OperationalError, code="08006", name="CONNECTION_FAILURE"):
    """SQLSTATE 08006, connection_failure."""

    __module__ = "howdah.errors"


class TransactionResolutionUnknown(OperationalError, code="08007", name="TRANSACTION_RESOLUTION_UNKNOWN"):
    """SQLSTATE 08007, transaction_resolution_unknown."""

    __module__ = "howdah.errors"


class ProtocolViolation(OperationalError, code="08P01", name="PROTOCOL_VIOLATION"):
    """SQLSTATE 08P01, protocol_violation."""

    __module__ = "howdah.errors"


# Class 09 - Triggered Action Exception


class TriggeredActionException(DatabaseError, code="09000", name="TRIGGERED_ACTION_EXCEPTION"):
    """SQLSTATE 09000, triggered_action_exception."""

    __module__ = "howdah.errors"


# Class 0A - Feature Not Supported


class FeatureNotSupported(NotSupportedError, code="0A000", name="FEATURE_NOT_SUPPORTED"):
    """SQLSTATE 0A000, feature_not_supported."""

    __module__ = "howdah.errors"


# Class 0B - Invalid Transaction Initiation


class InvalidTransactionInitiation(DatabaseError, code="0B000", name="INVALID_TRANSACTION_INITIATION"):
    """SQLSTATE 0B000, invalid_transaction_initiation."""

    __module__ = "howdah.errors"


# Class 0F - Locator Exception


class LocatorException(DatabaseError, code="0F000", name="LOCATOR_EXCEPTION"):
    """SQLSTATE 0F000, locator_exception."""

    __module__ = "howdah.errors"


class InvalidLocatorSpecification(DatabaseError, code="0F001", name="INVALID_LOCATOR_SPECIFICATION"):
    """SQLSTATE 0F001, invalid_locator_specification."""

    __module__ = "howdah.errors"


# Class 0L - Invalid Grantor


class InvalidGrantor(DatabaseError, code="0L000", name="INVALID_GRANTOR"):
    """SQLSTATE 0L000, invalid_grantor."""

    __module__ = "howdah.errors"


class InvalidGrantOperation(DatabaseError, code="0LP01", name="INVALID_GRANT_OPERATION"):
    """SQLSTATE 0LP01, invalid_grant_operation."""

    __module__ = "howdah.errors"


# Class 0P - Invalid Role Specification


class InvalidRoleSpecification(DatabaseError, code="0P000", name="INVALID_ROLE_SPECIFICATION"):
    """SQLSTATE 0P000, invalid_role_specification."""

    __module__ = "howdah.errors"


# Class 0Z - Diagnostics Exception


class DiagnosticsException(DatabaseError, code="0Z000", name="DIAGNOSTICS_EXCEPTION"):
    """SQLSTATE 0Z000, diagnostics_exception."""

    __module__ = "howdah.errors"


class StackedDiagnosticsAccessedWithoutActiveHandler(
    DatabaseError, code="0Z002", name="STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER"
):
    """SQLSTATE 0Z002, stacked_diagnostics_accessed_without_active_handler."""

    __module__ = "howdah.errors"


# Class 10 - XQuery Error


class InvalidArgumentForXquery(ProgrammingError, code="10608", name="INVALID_ARGUMENT_FOR_XQUERY"):
    """SQLSTATE 10608, invalid_argument_for_xquery."""

    __module__ = "howdah.errors"


# Class 20 - Case Not Found


class CaseNotFound(ProgrammingError, code="20000", name="CASE_NOT_FOUND"):
    """SQLSTATE 20000, case_not_found."""

    __module__ = "howdah.errors"


# Class 21 - Cardinality Violation


class CardinalityViolation(ProgrammingError, code="21000", name="CARDINALITY_VIOLATION"):
    """SQLSTATE 21000, cardinality_violation."""

    __module__ = "howdah.errors"


# Class 22 - Data Exception


class DataException(DataError, code="22000", name="DATA_EXCEPTION"):
    """SQLSTATE 22000, data_exception."""

    __module__ = "howdah.errors"


class StringDataRightTruncation(DataError, code="22001", name="STRING_DATA_RIGHT_TRUNCATION"):
    """SQLSTATE 22001, string_data_right_truncation."""

    __module__ = "howdah.errors"


class NullValueNoIndicatorParameter(DataError, code="22002", name="NULL_VALUE_NO_INDICATOR_PARAMETER"):
    """SQLSTATE 22002, null_value_no_indicator_parameter."""

    __module__ = "howdah.errors"


class NumericValueOutOfRange(DataError, code="22003", name="NUMERIC_VALUE_OUT_OF_RANGE"):
    """SQLSTATE 22003, numeric_value_out_of_range."""

    __module__ = "howdah.errors"


class NullValueNotAllowed(DataError, code="22004", name="NULL_VALUE_NOT_ALLOWED"):
    """SQLSTATE 22004, null_value_not_allowed."""

    __module__ = "howdah.errors"


class ErrorInAssignment(DataError, code="22005", name="ERROR_IN_ASSIGNMENT"):
    """SQLSTATE 22005, error_in_assignment."""

    __module__ = "howdah.errors"


class InvalidDatetimeFormat(DataError, code="22007", name="INVALID_DATETIME_FORMAT"):
    """SQLSTATE 22007, invalid_datetime_format."""

    __module__ = "howdah.errors"


class DatetimeFieldOverflow(DataError, code="22008", name="DATETIME_FIELD_OVERFLOW"):
    """SQLSTATE 22008, datetime_field_overflow."""

    __module__ = "howdah.errors"


class InvalidTimeZoneDisplacementValue(DataError, code="22009", name="INVALID_TIME_ZONE_DISPLACEMENT_VALUE"):
    """SQLSTATE 22009, invalid_time_zone_displacement_value."""

    __module__ = "howdah.errors"


class EscapeCharacterConflict(DataError, code="2200B", name="ESCAPE_CHARACTER_CONFLICT"):
    """SQLSTATE 2200B, escape_character_conflict."""

    __module__ = "howdah.errors"


class InvalidUseOfEscapeCharacter(DataError, code="2200C", name="INVALID_USE_OF_ESCAPE_CHARACTER"):
    """SQLSTATE 2200C, invalid_use_of_escape_character."""

    __module__ = "howdah.errors"


class InvalidEscapeOctet(DataError, code="2200D", name="INVALID_ESCAPE_OCTET"):
    """SQLSTATE 2200D, invalid_escape_octet."""

    __module__ = "howdah.errors"


class ZeroLengthCharacterString(DataError, code="2200F", name="ZERO_LENGTH_CHARACTER_STRING"):
    """SQLSTATE 2200F, zero_length_character_string."""

    __module__ = "howdah.errors"


class MostSpecificTypeMismatch(DataError, code="2200G", name="MOST_SPECIFIC_TYPE_MISMATCH"):
    """SQLSTATE 2200G, most_specific_type_mismatch."""

    __module__ = "howdah.errors"


class SequenceGeneratorLimitExceeded(DataError, code="2200H", name="SEQUENCE_GENERATOR_LIMIT_EXCEEDED"):
    """SQLSTATE 2200H, sequence_generator_limit_exceeded."""

    __module__ = "howdah.errors"


class NotAnXmlDocument(DataError, code="2200L", name="NOT_AN_XML_DOCUMENT"):
    """SQLSTATE 2200L, not_an_xml_document."""

    __module__ = "howdah.errors"


class InvalidXmlDocument(DataError, code="2200M", name="INVALID_XML_DOCUMENT"):
    """SQLSTATE 2200M, invalid_xml_document."""

    __module__ = "howdah.errors"


class InvalidXmlContent(DataError, code="2200N", name="INVALID_XML_CONTENT"):
    """SQLSTATE 2200N, invalid_xml_content."""

    __module__ = "howdah.errors"


class InvalidXmlComment(DataError, code="2200S", name="INVALID_XML_COMMENT"):
    """SQLSTATE 2200S, invalid_xml_comment."""

    __module__ = "howdah.errors"


class InvalidXmlProcessingInstruction(DataError, code="2200T", name="INVALID_XML_PROCESSING_INSTRUCTION"):
    """SQLSTATE 2200T, invalid_xml_processing_instruction."""

    __module__ = "howdah.errors"


class InvalidIndicatorParameterValue(DataError, code="22010", name="INVALID_INDICATOR_PARAMETER_VALUE"):
    """SQLSTATE 22010, invalid_indicator_parameter_value."""

    __module__ = "howdah.errors"


class SubstringError(DataError, code="22011", name="SUBSTRING_ERROR"):
    """SQLSTATE 22011, substring_error."""

    __module__ = "howdah.errors"


class DivisionByZero(DataError, code="22012", name="DIVISION_BY_ZERO"):
    """SQLSTATE 22012, division_by_zero."""

    __module__ = "howdah.errors"


class InvalidPrecedingOrFollowingSize(DataError, code="22013", name="INVALID_PRECEDING_OR_FOLLOWING_SIZE"):
    """SQLSTATE 22013, invalid_preceding_or_following_size."""

    __module__ = "howdah.errors"


class InvalidArgumentForNtileFunction(DataError, code="22014", name="INVALID_ARGUMENT_FOR_NTILE_FUNCTION"):
    """SQLSTATE 22014, invalid_argument_for_ntile_function."""

    __module__ = "howdah.errors"


class IntervalFieldOverflow(DataError, code="22015", name="INTERVAL_FIELD_OVERFLOW"):
    """SQLSTATE 22015, interval_field_overflow."""

    __module__ = "howdah.errors"


class InvalidArgumentForNthValueFunction(DataError, code="22016", name="INVALID_ARGUMENT_FOR_NTH_VALUE_FUNCTION"):
    """SQLSTATE 22016, invalid_argument_for_nth_value_function."""

    __module__ = "howdah.errors"


class InvalidCharacterValueForCast(DataError, code="22018", name="INVALID_CHARACTER_VALUE_FOR_CAST"):
    """SQLSTATE 22018, invalid_character_value_for_cast."""

    __module__ = "howdah.errors"


class InvalidEscapeCharacter(DataError, code="22019", name="INVALID_ESCAPE_CHARACTER"):
    """SQLSTATE 22019, invalid_escape_character."""

    __module__ = "howdah.errors"


class InvalidRegularExpression(DataError, code="2201B", name="INVALID_REGULAR_EXPRESSION"):
    """SQLSTATE 2201B, invalid_regular_expression."""

    __module__ = "howdah.errors"


class InvalidArgumentForLogarithm(DataError, code="2201E", name="INVALID_ARGUMENT_FOR_LOGARITHM"):
    """SQLSTATE 2201E, invalid_argument_for_logarithm."""

    __module__ = "howdah.errors"


class InvalidArgumentForPowerFunction(DataError, code="2201F", name="INVALID_ARGUMENT_FOR_POWER_FUNCTION"):
    """SQLSTATE 2201F, invalid_argument_for_power_function."""

    __module__ = "howdah.errors"


class InvalidArgumentForWidthBucketFunction(DataError, code="2201G", name="INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION"):
    """SQLSTATE 2201G, invalid_argument_for_width_bucket_function."""

    __module__ = "howdah.errors"


class InvalidRowCountInLimitClause(DataError, code="2201W", name="INVALID_ROW_COUNT_IN_LIMIT_CLAUSE"):
    """SQLSTATE 2201W, invalid_row_count_in_limit_clause."""

    __module__ = "howdah.errors"


class InvalidRowCountInResultOffsetClause(DataError, code="2201X", name="INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE"):
    """SQLSTATE 2201X, invalid_row_count_in_result_offset_clause."""

    __module__ = "howdah.errors"


class CharacterNotInRepertoire(DataError, code="22021", name="CHARACTER_NOT_IN_REPERTOIRE"):
    """SQLSTATE 22021, character_not_in_repertoire."""

    __module__ = "howdah.errors"


class IndicatorOverflow(DataError, code="22022", name="INDICATOR_OVERFLOW"):
    """SQLSTATE 22022, indicator_overflow."""

    __module__ = "howdah.errors"


class InvalidParameterValue(DataError, code="22023", name="INVALID_PARAMETER_VALUE"):
    """SQLSTATE 22023, invalid_parameter_value."""

    __module__ = "howdah.errors"


class UnterminatedCString(DataError, code="22024", name="UNTERMINATED_C_STRING"):
    """SQLSTATE 22024, unterminated_c_string."""

    __module__ = "howdah.errors"


class InvalidEscapeSequence(DataError, code="22025", name="INVALID_ESCAPE_SEQUENCE"):
    """SQLSTATE 22025, invalid_escape_sequence."""

    __module__ = "howdah.errors"


class StringDataLengthMismatch(DataError, code="22026", name="STRING_DATA_LENGTH_MISMATCH"):
    """SQLSTATE 22026, string_data_length_mismatch."""

    __module__ = "howdah.errors"


class TrimError(DataError, code="22027", name="TRIM_ERROR"):
    """SQLSTATE 22027, trim_error."""

    __module__ = "howdah.errors"


class ArraySubscriptError(DataError, code="2202E", name="ARRAY_SUBSCRIPT_ERROR"):
    """SQLSTATE 2202E, array_subscript_error."""

    __module__ = "howdah.errors"


class InvalidTablesampleRepeat(DataError, code="2202G", name="INVALID_TABLESAMPLE_REPEAT"):
    """SQLSTATE 2202G, invalid_tablesample_repeat."""

    __module__ = "howdah.errors"


class InvalidTablesampleArgument(DataError, code="2202H", name="INVALID_TABLESAMPLE_ARGUMENT"):
    """SQLSTATE 2202H, invalid_tablesample_argument."""

    __module__ = "howdah.errors"


class DuplicateJsonObjectKeyValue(DataError, code="22030", name="DUPLICATE_JSON_OBJECT_KEY_VALUE"):
    """SQLSTATE 22030, duplicate_json_object_key_value."""

    __module__ = "howdah.errors"


class InvalidArgumentForSqlJsonDatetimeFunction(
    DataError, code="22031", name="INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION"
):
    """SQLSTATE 22031, invalid_argument_for_sql_json_datetime_function."""

    __module__ = "howdah.errors"


class InvalidJsonText(DataError, code="22032", name="INVALID_JSON_TEXT"):
    """SQLSTATE 22032, invalid_json_text."""

    __module__ = "howdah.errors"


class InvalidSqlJsonSubscript(DataError, code="22033", name="INVALID_SQL_JSON_SUBSCRIPT"):
    """SQLSTATE 22033, invalid_sql_json_subscript."""

    __module__ = "howdah.errors"


class MoreThanOneSqlJsonItem(DataError, code="22034", name="MORE_THAN_ONE_SQL_JSON_ITEM"):
    """SQLSTATE 22034, more_than_one_sql_json_item."""

    __module__ = "howdah.errors"


class NoSqlJsonItem(DataError, code="22035", name="NO_SQL_JSON_ITEM"):
    """SQLSTATE 22035, no_sql_json_item."""

    __module__ = "howdah.errors"


class NonNumericSqlJsonItem(DataError, code="22036", name="NON_NUMERIC_SQL_JSON_ITEM"):
    """SQLSTATE 22036, non_numeric_sql_json_item."""

    __module__ = "howdah.errors"


class NonUniqueKeysInAJsonObject(DataError, code="22037", name="NON_UNIQUE_KEYS_IN_A_JSON_OBJECT"):
    """SQLSTATE 22037, non_unique_keys_in_a_json_object."""

    __module__ = "howdah.errors"


class SingletonSqlJsonItemRequired(DataError, code="22038", name="SINGLETON_SQL_JSON_ITEM_REQUIRED"):
    """SQLSTATE 22038, singleton_sql_json_item_required."""

    __module__ = "howdah.errors"


class SqlJsonArrayNotFound(DataError, code="22039", name="SQL_JSON_ARRAY_NOT_FOUND"):
    """SQLSTATE 22039, sql_json_array_not_found."""

    __module__ = "howdah.errors"


class SqlJsonMemberNotFound(DataError, code="2203A", name="SQL_JSON_MEMBER_NOT_FOUND"):
    """SQLSTATE 2203A, sql_json_member_not_found."""

    __module__ = "howdah.errors"


class SqlJsonNumberNotFound(DataError, code="2203B", name="SQL_JSON_NUMBER_NOT_FOUND"):
    """SQLSTATE 2203B, sql_json_number_not_found."""

    __module__ = "howdah.errors"


class SqlJsonObjectNotFound(DataError, code="2203C", name="SQL_JSON_OBJECT_NOT_FOUND"):
    """SQLSTATE 2203C, sql_json_object_not_found."""

    __module__ = "howdah.errors"


class TooManyJsonArrayElements(DataError, code="2203D", name="TOO_MANY_JSON_ARRAY_ELEMENTS"):
    """SQLSTATE 2203D, too_many_json_array_elements."""

    __module__ = "howdah.errors"


class TooManyJsonObjectMembers(DataError, code="2203E", name="TOO_MANY_JSON_OBJECT_MEMBERS"):
    """SQLSTATE 2203E, too_many_json_object_members."""

    __module__ = "howdah.errors"


class SqlJsonScalarRequired(DataError, code="2203F", name="SQL_JSON_SCALAR_REQUIRED"):
    """SQLSTATE 2203F, sql_json_scalar_required."""

    __module__ = "howdah.errors"


class SqlJsonItemCannotBeCastToTargetType(DataError, code="2203G", name="SQL_JSON_ITEM_CANNOT_BE_CAST_TO_TARGET_TYPE"):
    """SQLSTATE 2203G, sql_json_item_cannot_be_cast_to_target_type."""

    __module__ = "howdah.errors"


class FloatingPointException(DataError, code="22P01", name="FLOATING_POINT_EXCEPTION"):
    """SQLSTATE 22P01, floating_point_exception."""

    __module__ = "howdah.errors"


class InvalidTextRepresentation(DataError, code="22P02", name="INVALID_TEXT_REPRESENTATION"):
    """SQLSTATE 22P02, invalid_text_representation."""

    __module__ = "howdah.errors"


class InvalidBinaryRepresentation(DataError, code="22P03", name="INVALID_BINARY_REPRESENTATION"):
    """SQLSTATE 22P03, invalid_binary_representation."""

    __module__ = "howdah.errors"


class BadCopyFileFormat(DataError, code="22P04", name="BAD_COPY_FILE_FORMAT"):
    """SQLSTATE 22P04, bad_copy_file_format."""

    __module__ = "howdah.errors"


class UntranslatableCharacter(DataError, code="22P05", name="UNTRANSLATABLE_CHARACTER"):
    """SQLSTATE 22P05, untranslatable_character."""

    __module__ = "howdah.errors"


class NonstandardUseOfEscapeCharacter(DataError, code="22P06", name="NONSTANDARD_USE_OF_ESCAPE_CHARACTER"):
    """SQLSTATE 22P06, nonstandard_use_of_escape_character."""

    __module__ = "howdah.errors"


# Class 23 - Integrity Constraint Violation


class IntegrityConstraintViolation(IntegrityError, code="23000", name="INTEGRITY_CONSTRAINT_VIOLATION"):
    """SQLSTATE 23000, integrity_constraint_violation."""

    __module__ = "howdah.errors"


class RestrictViolation(IntegrityError, code="23001", name="RESTRICT_VIOLATION"):
    """SQLSTATE 23001, restrict_violation."""

    __module__ = "howdah.errors"


class NotNullViolation(IntegrityError, code="23502", name="NOT_NULL_VIOLATION"):
    """SQLSTATE 23502, not_null_violation."""

    __module__ = "howdah.errors"


class ForeignKeyViolation(IntegrityError, code="23503", name="FOREIGN_KEY_VIOLATION"):
    """SQLSTATE 23503, foreign_key_violation."""

    __module__ = "howdah.errors"


class UniqueViolation(IntegrityError, code="23505", name="UNIQUE_VIOLATION"):
    """SQLSTATE 23505, unique_violation."""

    __module__ = "howdah.errors"


class CheckViolation(IntegrityError, code="23514", name="CHECK_VIOLATION"):
    """SQLSTATE 23514, check_violation."""

    __module__ = "howdah.errors"


class ExclusionViolation(IntegrityError, code="23P01", name="EXCLUSION_VIOLATION"):
    """SQLSTATE 23P01, exclusion_violation."""

    __module__ = "howdah.errors"


# Class 24 - Invalid Cursor State


class InvalidCursorState(InternalError, code="24000", name="INVALID_CURSOR_STATE"):
    """SQLSTATE 24000, invalid_cursor_state."""

    __module__ = "howdah.errors"


# Class 25 - Invalid Transaction State


class InvalidTransactionState(InternalError, code="25000", name="INVALID_TRANSACTION_STATE"):
    """SQLSTATE 25000, invalid_transaction_state."""

    __module__ = "howdah.errors"


class ActiveSqlTransaction(InternalError, code="25001", name="ACTIVE_SQL_TRANSACTION"):
    """SQLSTATE 25001, active_sql_transaction."""

    __module__ = "howdah.errors"


class BranchTransactionAlreadyActive(InternalError, code="25002", name="BRANCH_TRANSACTION_ALREADY_ACTIVE"):
    """SQLSTATE 25002, branch_transaction_already_active."""

    __module__ = "howdah.errors"


class InappropriateAccessModeForBranchTransaction(
    InternalError, code="25003", name="INAPPROPRIATE_ACCESS_MODE_FOR_BRANCH_TRANSACTION"
):
    """SQLSTATE 25003, inappropriate_access_mode_for_branch_transaction."""

    __module__ = "howdah.errors"


class InappropriateIsolationLevelForBranchTransaction(
    InternalError, code="25004", name="INAPPROPRIATE_ISOLATION_LEVEL_FOR_BRANCH_TRANSACTION"
):
    """SQLSTATE 25004, inappropriate_isolation_level_for_branch_transaction."""

    __module__ = "howdah.errors"


class NoActiveSqlTransactionForBranchTransaction(
    InternalError, code="25005", name="NO_ACTIVE_SQL_TRANSACTION_FOR_BRANCH_TRANSACTION"
):
    """SQLSTATE 25005, no_active_sql_transaction_for_branch_transaction."""

    __module__ = "howdah.errors"


class ReadOnlySqlTransaction(InternalError, code="25006", name="READ_ONLY_SQL_TRANSACTION"):
    """SQLSTATE 25006, read_only_sql_transaction."""

    __module__ = "howdah.errors"


class SchemaAndDataStatementMixingNotSupported(
    InternalError, code="25007", name="SCHEMA_AND_DATA_STATEMENT_MIXING_NOT_SUPPORTED"
):
    """SQLSTATE 25007, schema_and_data_statement_mixing_not_supported."""

    __module__ = "howdah.errors"


class HeldCursorRequiresSameIsolationLevel(
    InternalError, code="25008", name="HELD_CURSOR_REQUIRES_SAME_ISOLATION_LEVEL"
):
    """SQLSTATE 25008, held_cursor_requires_same_isolation_level."""

    __module__ = "howdah.errors"


class NoActiveSqlTransaction(InternalError, code="25P01", name="NO_ACTIVE_SQL_TRANSACTION"):
    """SQLSTATE 25P01, no_active_sql_transaction."""

    __module__ = "howdah.errors"


class InFailedSqlTransaction(InternalError, code="25P02", name="IN_FAILED_SQL_TRANSACTION"):
    """SQLSTATE 25P02, in_failed_sql_transaction."""

    __module__ = "howdah.errors"


class IdleInTransactionSessionTimeout(InternalError, code="25P03", name="IDLE_IN_TRANSACTION_SESSION_TIMEOUT"):
    """SQLSTATE 25P03, idle_in_transaction_session_timeout."""

    __module__ = "howdah.errors"


class TransactionTimeout(InternalError, code="25P04", name="TRANSACTION_TIMEOUT"):
    """SQLSTATE 25P04, transaction_timeout."""

    __module__ = "howdah.errors"


# Class 26 - Invalid SQL Statement Name


class InvalidSqlStatementName(ProgrammingError, code="26000", name="INVALID_SQL_STATEMENT_NAME"):
    """SQLSTATE 26000, invalid_sql_statement_name."""

    __module__ = "howdah.errors"


# Class 27 - Triggered Data Change Violation


class TriggeredDataChangeViolation(OperationalError, code="27000", name="TRIGGERED_DATA_CHANGE_VIOLATION"):
    """SQLSTATE 27000, triggered_data_change_violation."""

    __module__ = "howdah.errors"


# Class 28 - Invalid Authorization Specification


class InvalidAuthorizationSpecification(OperationalError, code="28000", name="INVALID_AUTHORIZATION_SPECIFICATION"):
    """SQLSTATE 28000, invalid_authorization_specification."""

    __module__ = "howdah.errors"


class InvalidPassword(OperationalError, code="28P01", name="INVALID_PASSWORD"):
    """SQLSTATE 28P01, invalid_password."""

    __module__ = "howdah.errors"


# Class 2B - Dependent Privilege Descriptors Still Exist


class DependentPrivilegeDescriptorsStillExist(
    InternalError, code="2B000", name="DEPENDENT_PRIVILEGE_DESCRIPTORS_STILL_EXIST"
):
    """SQLSTATE 2B000, dependent_privilege_descriptors_still_exist."""

    __module__ = "howdah.errors"


class DependentObjectsStillExist(InternalError, code="2BP01", name="DEPENDENT_OBJECTS_STILL_EXIST"):
    """SQLSTATE 2BP01, dependent_objects_still_exist."""

    __module__ = "howdah.errors"


# Class 2D - Invalid Transaction Termination


class InvalidTransactionTermination(InternalError, code="2D000", name="INVALID_TRANSACTION_TERMINATION"):
    """SQLSTATE 2D000, invalid_transaction_termination."""

    __module__ = "howdah.errors"


# Class 2F - SQL Routine Exception


class SqlRoutineException(OperationalError, code="2F000", name="SQL_ROUTINE_EXCEPTION"):
    """SQLSTATE 2F000, sql_routine_exception."""

    __module__ = "howdah.errors"


class ModifyingSqlDataNotPermitted(OperationalError, code="2F002", name="MODIFYING_SQL_DATA_NOT_PERMITTED"):
    """SQLSTATE 2F002, modifying_sql_data_not_permitted."""

    __module__ = "howdah.errors"


class ProhibitedSqlStatementAttempted(OperationalError, code="2F003", name="PROHIBITED_SQL_STATEMENT_ATTEMPTED"):
    """SQLSTATE 2F003, prohibited_sql_statement_attempted."""

    __module__ = "howdah.errors"


class ReadingSqlDataNotPermitted(OperationalError, code="2F004", name="READING_SQL_DATA_NOT_PERMITTED"):
    """SQLSTATE 2F004, reading_sql_data_not_permitted."""

    __module__ = "howdah.errors"


class FunctionExecutedNoReturnStatement(OperationalError, code="2F005", name="FUNCTION_EXECUTED_NO_RETURN_STATEMENT"):
    """SQLSTATE 2F005, function_executed_no_return_statement."""

    __module__ = "howdah.errors"


# Class 34 - Invalid Cursor Name


class InvalidCursorName(ProgrammingError, code="34000", name="INVALID_CURSOR_NAME"):
    """SQLSTATE 34000, invalid_cursor_name."""

    __module__ = "howdah.errors"


# Class 38 - External Routine Exception


class ExternalRoutineException(OperationalError, code="38000", name="EXTERNAL_ROUTINE_EXCEPTION"):
    """SQLSTATE 38000, external_routine_exception."""

    __module__ = "howdah.errors"


class ContainingSqlNotPermitted(OperationalError, code="38001", name="CONTAINING_SQL_NOT_PERMITTED"):
    """SQLSTATE 38001, containing_sql_not_permitted."""

    __module__ = "howdah.errors"


class ModifyingSqlDataNotPermittedExt(OperationalError, code="38002", name="MODIFYING_SQL_DATA_NOT_PERMITTED"):
    """SQLSTATE 38002, modifying_sql_data_not_permitted."""

    __module__ = "howdah.errors"


class ProhibitedSqlStatementAttemptedExt(OperationalError, code="38003", name="PROHIBITED_SQL_STATEMENT_ATTEMPTED"):
    """SQLSTATE 38003, prohibited_sql_statement_attempted."""

    __module__ = "howdah.errors"


class ReadingSqlDataNotPermittedExt(OperationalError, code="38004", name="READING_SQL_DATA_NOT_PERMITTED"):
    """SQLSTATE 38004, reading_sql_data_not_permitted."""

    __module__ = "howdah.errors"


# Class 39 - External Routine Invocation Exception


class ExternalRoutineInvocationException(OperationalError, code="39000", name="EXTERNAL_ROUTINE_INVOCATION_EXCEPTION"):
    """SQLSTATE 39000, external_routine_invocation_exception."""

    __module__ = "howdah.errors"


class InvalidSqlstateReturned(OperationalError, code="39001", name="INVALID_SQLSTATE_RETURNED"):
    """SQLSTATE 39001, invalid_sqlstate_returned."""

    __module__ = "howdah.errors"


class NullValueNotAllowedExt(OperationalError, code="39004", name="NULL_VALUE_NOT_ALLOWED"):
    """SQLSTATE 39004, null_value_not_allowed."""

    __module__ = "howdah.errors"


class TriggerProtocolViolated(OperationalError, code="39P01", name="TRIGGER_PROTOCOL_VIOLATED"):
    """SQLSTATE 39P01, trigger_protocol_violated."""

    __module__ = "howdah.errors"


class SrfProtocolViolated(OperationalError, code="39P02", name="SRF_PROTOCOL_VIOLATED"):
    """SQLSTATE 39P02, srf_protocol_violated."""

    __module__ = "howdah.errors"


class EventTriggerProtocolViolated(OperationalError, code="39P03", name="EVENT_TRIGGER_PROTOCOL_VIOLATED"):
    """SQLSTATE 39P03, event_trigger_protocol_violated."""

    __module__ = "howdah.errors"


# Class 3B - Savepoint Exception


class SavepointException(OperationalError, code="3B000", name="SAVEPOINT_EXCEPTION"):
    """SQLSTATE 3B000, savepoint_exception."""

    __module__ = "howdah.errors"


class InvalidSavepointSpecification(OperationalError, code="3B001", name="INVALID_SAVEPOINT_SPECIFICATION"):
    """SQLSTATE 3B001, invalid_savepoint_specification."""

    __module__ = "howdah.errors"


# Class 3D - Invalid Catalog Name


class InvalidCatalogName(ProgrammingError, code="3D000", name="INVALID_CATALOG_NAME"):
    """SQLSTATE 3D000, invalid_catalog_name."""

    __module__ = "howdah.errors"


# Class 3F - Invalid Schema Name


class InvalidSchemaName(ProgrammingError, code="3F000", name="INVALID_SCHEMA_NAME"):
    """SQLSTATE 3F000, invalid_schema_name."""

    __module__ = "howdah.errors"


# Class 40 - Transaction Rollback


class TransactionRollback(OperationalError, code="40000", name="TRANSACTION_ROLLBACK"):
    """SQLSTATE 40000, transaction_rollback."""

    __module__ = "howdah.errors"


class SerializationFailure(OperationalError, code="40001", name="SERIALIZATION_FAILURE"):
    """SQLSTATE 40001, serialization_failure."""

    __module__ = "howdah.errors"


class TransactionIntegrityConstraintViolation(
    OperationalError, code="40002", name="TRANSACTION_INTEGRITY_CONSTRAINT_VIOLATION"
):
    """SQLSTATE 40002, transaction_integrity_constraint_violation."""

    __module__ = "howdah.errors"


class StatementCompletionUnknown(OperationalError, code="40003", name="STATEMENT_COMPLETION_UNKNOWN"):
    """SQLSTATE 40003, statement_completion_unknown."""

    __module__ = "howdah.errors"


class DeadlockDetected(OperationalError, code="40P01", name="DEADLOCK_DETECTED"):
    """SQLSTATE 40P01, deadlock_detected."""

    __module__ = "howdah.errors"


# Class 42 - Syntax Error or Access Rule Violation


class SyntaxErrorOrAccessRuleViolation(ProgrammingError, code="42000", name="SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION"):
    """SQLSTATE 42000, syntax_error_or_access_rule_violation."""

    __module__ = "howdah.errors"


class InsufficientPrivilege(ProgrammingError, code="42501", name="INSUFFICIENT_PRIVILEGE"):
    """SQLSTATE 42501, insufficient_privilege."""

    __module__ = "howdah.errors"


class SyntaxError(ProgrammingError, code="42601", name="SYNTAX_ERROR"):
    """SQLSTATE 42601, syntax_error."""

    __module__ = "howdah.errors"


class InvalidName(ProgrammingError, code="42602", name="INVALID_NAME"):
    """SQLSTATE 42602, invalid_name."""

    __module__ = "howdah.errors"


class InvalidColumnDefinition(ProgrammingError, code="42611", name="INVALID_COLUMN_DEFINITION"):
    """SQLSTATE 42611, invalid_column_definition."""

    __module__ = "howdah.errors"


class NameTooLong(ProgrammingError, code="42622", name="NAME_TOO_LONG"):
    """SQLSTATE 42622, name_too_long."""

    __module__ = "howdah.errors"


class DuplicateColumn(ProgrammingError, code="42701", name="DUPLICATE_COLUMN"):
    """SQLSTATE 42701, duplicate_column."""

    __module__ = "howdah.errors"


class AmbiguousColumn(ProgrammingError, code="42702", name="AMBIGUOUS_COLUMN"):
    """SQLSTATE 42702, ambiguous_column."""

    __module__ = "howdah.errors"


class UndefinedColumn(ProgrammingError, code="42703", name="UNDEFINED_COLUMN"):
    """SQLSTATE 42703, undefined_column."""

    __module__ = "howdah.errors"


class UndefinedObject(ProgrammingError, code="42704", name="UNDEFINED_OBJECT"):
    """SQLSTATE 42704, undefined_object."""

    __module__ = "howdah.errors"


class DuplicateObject(ProgrammingError, code="42710", name="DUPLICATE_OBJECT"):
    """SQLSTATE 42710, duplicate_object."""

    __module__ = "howdah.errors"


class DuplicateAlias(ProgrammingError, code="42712", name="DUPLICATE_ALIAS"):
    """SQLSTATE 42712, duplicate_alias."""

    __module__ = "howdah.errors"


class DuplicateFunction(ProgrammingError, code="42723", name="DUPLICATE_FUNCTION"):
    """SQLSTATE 42723, duplicate_function."""

    __module__ = "howdah.errors"


class AmbiguousFunction(ProgrammingError, code="42725", name="AMBIGUOUS_FUNCTION"):
    """SQLSTATE 42725, ambiguous_function."""

    __module__ = "howdah.errors"


class GroupingError(ProgrammingError, code="42803", name="GROUPING_ERROR"):
    """SQLSTATE 42803, grouping_error."""

    __module__ = "howdah.errors"


class DatatypeMismatch(ProgrammingError, code="42804", name="DATATYPE_MISMATCH"):
    """SQLSTATE 42804, datatype_mismatch."""

    __module__ = "howdah.errors"


class WrongObjectType(ProgrammingError, code="42809", name="WRONG_OBJECT_TYPE"):
    """SQLSTATE 42809, wrong_object_type."""

    __module__ = "howdah.errors"


class InvalidForeignKey(ProgrammingError, code="42830", name="INVALID_FOREIGN_KEY"):
    """SQLSTATE 42830, invalid_foreign_key."""

    __module__ = "howdah.errors"


class CannotCoerce(ProgrammingError, code="42846", name="CANNOT_COERCE"):
    """SQLSTATE 42846, cannot_coerce."""

    __module__ = "howdah.errors"


class UndefinedFunction(ProgrammingError, code="42883", name="UNDEFINED_FUNCTION"):
    """SQLSTATE 42883, undefined_function."""

    __module__ = "howdah.errors"


class GeneratedAlways(ProgrammingError, code="428C9", name="GENERATED_ALWAYS"):
    """SQLSTATE 428C9, generated_always."""

    __module__ = "howdah.errors"


class ReservedName(ProgrammingError, code="42939", name="RESERVED_NAME"):
    """SQLSTATE 42939, reserved_name."""

    __module__ = "howdah.errors"


class UndefinedTable(ProgrammingError, code="42P01", name="UNDEFINED_TABLE"):
    """SQLSTATE 42P01, undefined_table."""

    __module__ = "howdah.errors"


class UndefinedParameter(ProgrammingError, code="42P02", name="UNDEFINED_PARAMETER"):
    """SQLSTATE 42P02, undefined_parameter."""

    __module__ = "howdah.errors"


class DuplicateCursor(ProgrammingError, code="42P03", name="DUPLICATE_CURSOR"):
    """SQLSTATE 42P03, duplicate_cursor."""

    __module__ = "howdah.errors"


class DuplicateDatabase(ProgrammingError, code="42P04", name="DUPLICATE_DATABASE"):
    """SQLSTATE 42P04, duplicate_database."""

    __module__ = "howdah.errors"


class DuplicatePreparedStatement(ProgrammingError, code="42P05", name="DUPLICATE_PREPARED_STATEMENT"):
    """SQLSTATE 42P05, duplicate_prepared_statement."""

    __module__ = "howdah.errors"


class DuplicateSchema(ProgrammingError, code="42P06", name="DUPLICATE_SCHEMA"):
    """SQLSTATE 42P06, duplicate_schema."""

    __module__ = "howdah.errors"


class DuplicateTable(ProgrammingError, code="42P07", name="DUPLICATE_TABLE"):
    """SQLSTATE 42P07, duplicate_table."""

    __module__ = "howdah.errors"


class AmbiguousParameter(ProgrammingError, code="42P08", name="AMBIGUOUS_PARAMETER"):
    """SQLSTATE 42P08, ambiguous_parameter."""

    __module__ = "howdah.errors"


class AmbiguousAlias(ProgrammingError, code="42P09", name="AMBIGUOUS_ALIAS"):
    """SQLSTATE 42P09, ambiguous_alias."""

    __module__ = "howdah.errors"


class InvalidColumnReference(ProgrammingError, code="42P10", name="INVALID_COLUMN_REFERENCE"):
    """SQLSTATE 42P10, invalid_column_reference."""

    __module__ = "howdah.errors"


class InvalidCursorDefinition(ProgrammingError, code="42P11", name="INVALID_CURSOR_DEFINITION"):
    """SQLSTATE 42P11, invalid_cursor_definition."""

    __module__ = "howdah.errors"


class InvalidDatabaseDefinition(ProgrammingError, code="42P12", name="INVALID_DATABASE_DEFINITION"):
    """SQLSTATE 42P12, invalid_database_definition."""

    __module__ = "howdah.errors"


class InvalidFunctionDefinition(ProgrammingError, code="42P13", name="INVALID_FUNCTION_DEFINITION"):
    """SQLSTATE 42P13, invalid_function_definition."""

    __module__ = "howdah.errors"


class InvalidPreparedStatementDefinition(ProgrammingError, code="42P14", name="INVALID_PREPARED_STATEMENT_DEFINITION"):
    """SQLSTATE 42P14, invalid_prepared_statement_definition."""

    __module__ = "howdah.errors"


class InvalidSchemaDefinition(ProgrammingError, code="42P15", name="INVALID_SCHEMA_DEFINITION"):
    """SQLSTATE 42P15, invalid_schema_definition."""

    __module__ = "howdah.errors"


class InvalidTableDefinition(ProgrammingError, code="42P16", name="INVALID_TABLE_DEFINITION"):
    """SQLSTATE 42P16, invalid_table_definition."""

    __module__ = "howdah.errors"


class InvalidObjectDefinition(ProgrammingError, code="42P17", name="INVALID_OBJECT_DEFINITION"):
    """SQLSTATE 42P17, invalid_object_definition."""

    __module__ = "howdah.errors"


class IndeterminateDatatype(ProgrammingError, code="42P18", name="INDETERMINATE_DATATYPE"):
    """SQLSTATE 42P18, indeterminate_datatype."""

    __module__ = "howdah.errors"


class InvalidRecursion(ProgrammingError, code="42P19", name="INVALID_RECURSION"):
    """SQLSTATE 42P19, invalid_recursion."""

    __module__ = "howdah.errors"


class WindowingError(ProgrammingError, code="42P20", name="WINDOWING_ERROR"):
    """SQLSTATE 42P20, windowing_error."""

    __module__ = "howdah.errors"


class CollationMismatch(ProgrammingError, code="42P21", name="COLLATION_MISMATCH"):
    """SQLSTATE 42P21, collation_mismatch."""

    __module__ = "howdah.errors"


class IndeterminateCollation(ProgrammingError, code="42P22", name="INDETERMINATE_COLLATION"):
    """SQLSTATE 42P22, indeterminate_collation."""

    __module__ = "howdah.errors"


# Class 44 - WITH CHECK OPTION Violation


class WithCheckOptionViolation(ProgrammingError, code="44000", name="WITH_CHECK_OPTION_VIOLATION"):
    """SQLSTATE 44000, with_check_option_violation."""

    __module__ = "howdah.errors"


# Class 53 - Insufficient Resources


class InsufficientResources(OperationalError, code="53000", name="INSUFFICIENT_RESOURCES"):
    """SQLSTATE 53000, insufficient_resources."""

    __module__ = "howdah.errors"


class DiskFull(OperationalError, code="53100", name="DISK_FULL"):
    """SQLSTATE 53100, disk_full."""

    __module__ = "howdah.errors"


class OutOfMemory(OperationalError, code="53200", name="OUT_OF_MEMORY"):
    """SQLSTATE 53200, out_of_memory."""

    __module__ = "howdah.errors"


class TooManyConnections(OperationalError, code="53300", name="TOO_MANY_CONNECTIONS"):
    """SQLSTATE 53300, too_many_connections."""

    __module__ = "howdah.errors"


class ConfigurationLimitExceeded(OperationalError, code="53400", name="CONFIGURATION_LIMIT_EXCEEDED"):
    """SQLSTATE 53400, configuration_limit_exceeded."""

    __module__ = "howdah.errors"


# Class 54 - Program Limit Exceeded


class ProgramLimitExceeded(OperationalError, code="54000", name="PROGRAM_LIMIT_EXCEEDED"):
    """SQLSTATE 54000, program_limit_exceeded."""

    __module__ = "howdah.errors"


class StatementTooComplex(OperationalError, code="54001", name="STATEMENT_TOO_COMPLEX"):
    """SQLSTATE 54001, statement_too_complex."""

    __module__ = "howdah.errors"


class TooManyColumns(OperationalError, code="54011", name="TOO_MANY_COLUMNS"):
    """SQLSTATE 54011, too_many_columns."""

    __module__ = "howdah.errors"


class TooManyArguments(OperationalError, code="54023", name="TOO_MANY_ARGUMENTS"):
    """SQLSTATE 54023, too_many_arguments."""

    __module__ = "howdah.errors"


# Class 55 - Object Not In Prerequisite State


class ObjectNotInPrerequisiteState(OperationalError, code="55000", name="OBJECT_NOT_IN_PREREQUISITE_STATE"):
    """SQLSTATE 55000, object_not_in_prerequisite_state."""

    __module__ = "howdah.errors"


class ObjectInUse(OperationalError, code="55006", name="OBJECT_IN_USE"):
    """SQLSTATE 55006, object_in_use."""

    __module__ = "howdah.errors"


class CantChangeRuntimeParam(OperationalError, code="55P02", name="CANT_CHANGE_RUNTIME_PARAM"):
    """SQLSTATE 55P02, cant_change_runtime_param."""

    __module__ = "howdah.errors"


class LockNotAvailable(OperationalError, code="55P03", name="LOCK_NOT_AVAILABLE"):
    """SQLSTATE 55P03, lock_not_available."""

    __module__ = "howdah.errors"


class UnsafeNewEnumValueUsage(OperationalError, code="55P04", name="UNSAFE_NEW_ENUM_VALUE_USAGE"):
    """SQLSTATE 55P04, unsafe_new_enum_value_usage."""

    __module__ = "howdah.errors"


# Class 57 - Operator Intervention


class OperatorIntervention(OperationalError, code="57000", name="OPERATOR_INTERVENTION"):
    """SQLSTATE 57000, operator_intervention."""

    __module__ = "howdah.errors"


class QueryCanceled(OperationalError, code="57014", name="QUERY_CANCELED"):
    """SQLSTATE 57014, query_canceled."""

    __module__ = "howdah.errors"


class AdminShutdown(OperationalError, code="57P01", name="ADMIN_SHUTDOWN"):
    """SQLSTATE 57P01, admin_shutdown."""

    __module__ = "howdah.errors"


class CrashShutdown(OperationalError, code="57P02", name="CRASH_SHUTDOWN"):
    """SQLSTATE 57P02, crash_shutdown."""

    __module__ = "howdah.errors"


class CannotConnectNow(OperationalError, code="57P03", name="CANNOT_CONNECT_NOW"):
    """SQLSTATE 57P03, cannot_connect_now."""

    __module__ = "howdah.errors"


class DatabaseDropped(OperationalError, code="57P04", name="DATABASE_DROPPED"):
    """SQLSTATE 57P04, database_dropped."""

    __module__ = "howdah.errors"


class IdleSessionTimeout(OperationalError, code="57P05", name="IDLE_SESSION_TIMEOUT"):
    """SQLSTATE 57P05, idle_session_timeout."""

    __module__ = "howdah.errors"


# Class 58 - System Error (errors external to PostgreSQL itself)


class SystemError(OperationalError, code="58000", name="SYSTEM_ERROR"):
    """SQLSTATE 58000, system_error."""

    __module__ = "howdah.errors"


class IoError(OperationalError, code="58030", name="IO_ERROR"):
    """SQLSTATE 58030, io_error."""

    __module__ = "howdah.errors"


class UndefinedFile(OperationalError, code="58P01", name="UNDEFINED_FILE"):
    """SQLSTATE 58P01, undefined_file."""

    __module__ = "howdah.errors"


class DuplicateFile(OperationalError, code="58P02", name="DUPLICATE_FILE"):
    """SQLSTATE 58P02, duplicate_file."""

    __module__ = "howdah.errors"


class FileNameTooLong(OperationalError, code="58P03", name="FILE_NAME_TOO_LONG"):
    """SQLSTATE 58P03, file_name_too_long."""

    __module__ = "howdah.errors"


# Class 72 - Snapshot Failure


class SnapshotTooOld(DatabaseError, code="72000", name="SNAPSHOT_TOO_OLD"):
    """SQLSTATE 72000, snapshot_too_old."""

    __module__ = "howdah.errors"


# Class F0 - Configuration File Error


class ConfigFileError(OperationalError, code="F0000", name="CONFIG_FILE_ERROR"):
    """SQLSTATE F0000, config_file_error."""

    __module__ = "howdah.errors"


class LockFileExists(OperationalError, code="F0001", name="LOCK_FILE_EXISTS"):
    """SQLSTATE F0001, lock_file_exists."""

    __module__ = "howdah.errors"


# Class HV - Foreign Data Wrapper Error (SQL/MED)


class FdwError(OperationalError, code="HV000", name="FDW_ERROR"):
    """SQLSTATE HV000, fdw_error."""

    __module__ = "howdah.errors"


class FdwOutOfMemory(OperationalError, code="HV001", name="FDW_OUT_OF_MEMORY"):
    """SQLSTATE HV001, fdw_out_of_memory."""

    __module__ = "howdah.errors"


class FdwDynamicParameterValueNeeded(OperationalError, code="HV002", name="FDW_DYNAMIC_PARAMETER_VALUE_NEEDED"):
    """SQLSTATE HV002, fdw_dynamic_parameter_value_needed."""

    __module__ = "howdah.errors"


class FdwInvalidDataType(OperationalError, code="HV004", name="FDW_INVALID_DATA_TYPE"):
    """SQLSTATE HV004, fdw_invalid_data_type."""

    __module__ = "howdah.errors"


class FdwColumnNameNotFound(OperationalError, code="HV005", name="FDW_COLUMN_NAME_NOT_FOUND"):
    """SQLSTATE HV005, fdw_column_name_not_found."""

    __module__ = "howdah.errors"


class FdwInvalidDataTypeDescriptors(OperationalError, code="HV006", name="FDW_INVALID_DATA_TYPE_DESCRIPTORS"):
    """SQLSTATE HV006, fdw_invalid_data_type_descriptors."""

    __module__ = "howdah.errors"


class FdwInvalidColumnName(OperationalError, code="HV007", name="FDW_INVALID_COLUMN_NAME"):
    """SQLSTATE HV007, fdw_invalid_column_name."""

    __module__ = "howdah.errors"


class FdwInvalidColumnNumber(OperationalError, code="HV008", name="FDW_INVALID_COLUMN_NUMBER"):
    """SQLSTATE HV008, fdw_invalid_column_number."""

    __module__ = "howdah.errors"


class FdwInvalidUseOfNullPointer(OperationalError, code="HV009", name="FDW_INVALID_USE_OF_NULL_POINTER"):
    """SQLSTATE HV009, fdw_invalid_use_of_null_pointer."""

    __module__ = "howdah.errors"


class FdwInvalidStringFormat(OperationalError, code="HV00A", name="FDW_INVALID_STRING_FORMAT"):
    """SQLSTATE HV00A, fdw_invalid_string_format."""

    __module__ = "howdah.errors"


class FdwInvalidHandle(OperationalError, code="HV00B", name="FDW_INVALID_HANDLE"):
    """SQLSTATE HV00B, fdw_invalid_handle."""

    __module__ = "howdah.errors"


class FdwInvalidOptionIndex(OperationalError, code="HV00C", name="FDW_INVALID_OPTION_INDEX"):
    """SQLSTATE HV00C, fdw_invalid_option_index."""

    __module__ = "howdah.errors"


class FdwInvalidOptionName(OperationalError, code="HV00D", name="FDW_INVALID_OPTION_NAME"):
    """SQLSTATE HV00D, fdw_invalid_option_name."""

    __module__ = "howdah.errors"


class FdwOptionNameNotFound(OperationalError, code="HV00J", name="FDW_OPTION_NAME_NOT_FOUND"):
    """SQLSTATE HV00J, fdw_option_name_not_found."""

    __module__ = "howdah.errors"


class FdwReplyHandle(OperationalError, code="HV00K", name="FDW_REPLY_HANDLE"):
    """SQLSTATE HV00K, fdw_reply_handle."""

    __module__ = "howdah.errors"


class FdwUnableToCreateExecution(OperationalError, code="HV00L", name="FDW_UNABLE_TO_CREATE_EXECUTION"):
    """SQLSTATE HV00L, fdw_unable_to_create_execution."""

    __module__ = "howdah.errors"


class FdwUnableToCreateReply(OperationalError, code="HV00M", name="FDW_UNABLE_TO_CREATE_REPLY"):
    """SQLSTATE HV00M, fdw_unable_to_create_reply."""

    __module__ = "howdah.errors"


class FdwUnableToEstablishConnection(OperationalError, code="HV00N", name="FDW_UNABLE_TO_ESTABLISH_CONNECTION"):
    """SQLSTATE HV00N, fdw_unable_to_establish_connection."""

    __module__ = "howdah.errors"


class FdwNoSchemas(OperationalError, code="HV00P", name="FDW_NO_SCHEMAS"):
    """SQLSTATE HV00P, fdw_no_schemas."""

    __module__ = "howdah.errors"


class FdwSchemaNotFound(OperationalError, code="HV00Q", name="FDW_SCHEMA_NOT_FOUND"):
    """SQLSTATE HV00Q, fdw_schema_not_found."""

    __module__ = "howdah.errors"


class FdwTableNotFound(OperationalError, code="HV00R", name="FDW_TABLE_NOT_FOUND"):
    """SQLSTATE HV00R, fdw_table_not_found."""

    __module__ = "howdah.errors"


class FdwFunctionSequenceError(OperationalError, code="HV010", name="FDW_FUNCTION_SEQUENCE_ERROR"):
    """SQLSTATE HV010, fdw_function_sequence_error."""

    __module__ = "howdah.errors"


class FdwTooManyHandles(OperationalError, code="HV014", name="FDW_TOO_MANY_HANDLES"):
    """SQLSTATE HV014, fdw_too_many_handles."""

    __module__ = "howdah.errors"


class FdwInconsistentDescriptorInformation(
    OperationalError, code="HV021", name="FDW_INCONSISTENT_DESCRIPTOR_INFORMATION"
):
    """SQLSTATE HV021, fdw_inconsistent_descriptor_information."""

    __module__ = "howdah.errors"


class FdwInvalidAttributeValue(OperationalError, code="HV024", name="FDW_INVALID_ATTRIBUTE_VALUE"):
    """SQLSTATE HV024, fdw_invalid_attribute_value."""

    __module__ = "howdah.errors"


class FdwInvalidStringLengthOrBufferLength(
    OperationalError, code="HV090", name="FDW_INVALID_STRING_LENGTH_OR_BUFFER_LENGTH"
):
    """SQLSTATE HV090, fdw_invalid_string_length_or_buffer_length."""

    __module__ = "howdah.errors"


class FdwInvalidDescriptorFieldIdentifier(
    OperationalError, code="HV091", name="FDW_INVALID_DESCRIPTOR_FIELD_IDENTIFIER"
):
    """SQLSTATE HV091, fdw_invalid_descriptor_field_identifier."""

    __module__ = "howdah.errors"


# Class P0 - PL/pgSQL Error


class PlpgsqlError(ProgrammingError, code="P0000", name="PLPGSQL_ERROR"):
    """SQLSTATE P0000, plpgsql_error."""

    __module__ = "howdah.errors"


class RaiseException(ProgrammingError, code="P0001", name="RAISE_EXCEPTION"):
    """SQLSTATE P0001, raise_exception."""

    __module__ = "howdah.errors"


class NoDataFound(ProgrammingError, code="P0002", name="NO_DATA_FOUND"):
    """SQLSTATE P0002, no_data_found."""

    __module__ = "howdah.errors"


class TooManyRows(ProgrammingError, code="P0003", name="TOO_MANY_ROWS"):
    """SQLSTATE P0003, too_many_rows."""

    __module__ = "howdah.errors"


class AssertFailure(ProgrammingError, code="P0004", name="ASSERT_FAILURE"):
    """SQLSTATE P0004, assert_failure."""

    __module__ = "howdah.errors"


# Class XX - Internal Error


class InternalError_(InternalError, code="XX000", name="INTERNAL_ERROR"):
    """SQLSTATE XX000, internal_error."""

    __module__ = "howdah.errors"


class DataCorrupted(InternalError, code="XX001", name="DATA_CORRUPTED"):
    """SQLSTATE XX001, data_corrupted."""

    __module__ = "howdah.errors"


class IndexCorrupted(InternalError, code="XX002", name="INDEX_CORRUPTED"):
    """SQLSTATE XX002, index_corrupted."""

    __module__ = "howdah.errors"
