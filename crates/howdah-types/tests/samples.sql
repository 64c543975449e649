-- What a server sends for many values: type, settings, text, binary in hexadecimal. The output is samples.tsv:
--     psql -XAtq -F "$(printf '\t')" -f samples.sql > samples.tsv
set timezone = 'UTC';
select 'numeric', '', v::text, encode(numeric_send(v), 'hex')
from unnest(array['0', '0.00', '1', '-1', '10', '9999', '10000', '10001', '100000000', '1.10', '-12345.678', '0.1',
    '0.0001', '0.00001', '0.00010', '1e-20', '1e20', '1e100', '123456789012345678901234567890.123456789',
    '-0.000000000000000000000000000012300', '99999999.9999', '10000.0001', 'NaN', 'Infinity', '-Infinity',
    '1e1000', '1e-1000']::numeric[]) v;
select 'float8', '', v::text, encode(float8send(v), 'hex')
from unnest(array[0, '-0', 1, -1.5, 0.1, 1e15, 1e16, 1e300, 5e-324, 1e-5, 123456.789, 'NaN', 'Infinity',
    '-Infinity']::float8[]) v;
select 'float4', '', v::text, encode(float4send(v), 'hex')
from unnest(array[0, 0.1, 1e-5, 1e30, 16777216, 1.17549435e-38, 'NaN', '-Infinity']::float4[]) v;
select 'int8', '', v::text, encode(int8send(v), 'hex')
from unnest(array[0, -1, 9223372036854775807, '-9223372036854775808']::int8[]) v;
select 'bool', '', substr(v::text, 1, 1), encode(boolsend(v), 'hex') from unnest(array[true, false]) v;
select 'uuid', '', v::text, encode(uuid_send(v), 'hex')
from unnest(array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000']::uuid[]) v;
select 'bytea', '', v::text, encode(v, 'hex') from unnest(array['', '\x00ff10', 'abc']::bytea[]) v;
set bytea_output = 'escape';
select 'bytea', 'escape', v::text, encode(v, 'hex') from unnest(array['', '\x00ff5c10', 'abc']::bytea[]) v;
reset bytea_output;
\set dates 'array[''2000-01-01'', ''1970-01-01'', ''2024-02-29'', ''1900-03-01'', ''0001-01-01'', ''9999-12-31'', ''10000-01-01'', ''294276-12-31'', ''0044-03-15 BC'', ''4713-01-01 BC'', ''infinity'', ''-infinity'']::date[]'
\set stamps 'array[''2000-01-01'', ''1997-12-17 07:37:16.00001'', ''1999-12-31 23:59:59.999999'', ''2024-02-29 12:00:00.5'', ''0001-01-01'', ''9999-12-31 23:59:59.999999'', ''10000-01-01'', ''294276-12-31 23:59:59'', ''0044-03-15 01:02:03 BC'', ''4713-01-01 BC'', ''infinity'', ''-infinity'']::timestamp[]'
select set_config('datestyle', 'ISO, MDY', false) \gset
select 'date', 'ISO, MDY', v::text, encode(date_send(v), 'hex') from unnest(:dates) v;
select 'timestamp', 'ISO, MDY', v::text, encode(timestamp_send(v), 'hex') from unnest(:stamps) v;
select set_config('datestyle', 'SQL, MDY', false) \gset
select 'date', 'SQL, MDY', v::text, encode(date_send(v), 'hex') from unnest(:dates) v;
select 'timestamp', 'SQL, MDY', v::text, encode(timestamp_send(v), 'hex') from unnest(:stamps) v;
select set_config('datestyle', 'SQL, DMY', false) \gset
select 'date', 'SQL, DMY', v::text, encode(date_send(v), 'hex') from unnest(:dates) v;
select 'timestamp', 'SQL, DMY', v::text, encode(timestamp_send(v), 'hex') from unnest(:stamps) v;
select set_config('datestyle', 'German, DMY', false) \gset
select 'date', 'German, DMY', v::text, encode(date_send(v), 'hex') from unnest(:dates) v;
select 'timestamp', 'German, DMY', v::text, encode(timestamp_send(v), 'hex') from unnest(:stamps) v;
select set_config('datestyle', 'Postgres, MDY', false) \gset
select 'date', 'Postgres, MDY', v::text, encode(date_send(v), 'hex') from unnest(:dates) v;
select 'timestamp', 'Postgres, MDY', v::text, encode(timestamp_send(v), 'hex') from unnest(:stamps) v;
select set_config('datestyle', 'Postgres, DMY', false) \gset
select 'date', 'Postgres, DMY', v::text, encode(date_send(v), 'hex') from unnest(:dates) v;
select 'timestamp', 'Postgres, DMY', v::text, encode(timestamp_send(v), 'hex') from unnest(:stamps) v;
select set_config('datestyle', 'ISO, MDY', false) \gset
set timezone = 'Europe/Paris';
select 'timestamptz', '', v::text, encode(timestamptz_send(v), 'hex')
from unnest(array['2000-01-01 00:00+00', '2024-07-01 12:00:00.25+00', '1800-01-01 00:00+00', '9999-12-31 23:59:59+00',
    '0044-03-15 00:00+00 BC', 'infinity', '-infinity']::timestamptz[]) v;
set timezone = 'UTC';
select 'time', '', v::text, encode(time_send(v), 'hex')
from unnest(array['00:00:00', '23:59:59.999999', '24:00:00', '12:34:56.7']::time[]) v;
select 'timetz', '', v::text, encode(timetz_send(v), 'hex')
from unnest(array['00:00:00+00', '23:59:59.999999-05:30', '10:20:30.5+02:30:15', '24:00:00-12']::timetz[]) v;
select 'interval', '', v::text, encode(interval_send(v), 'hex')
from unnest(array['0', '1 year 2 months 3 days 04:05:06.789', '-1 year -2 months +3 days -04:05:06', '1 mon', '-1 day',
    '-00:00:00.000001', '2562047788:00:54.775807', '100000 hours', 'infinity', '-infinity']::interval[]) v;
select 'int4[]', '', v, encode(array_send(v::int4[]), 'hex')
from unnest(array['{}', '{1,2,3}', '{NULL,-1}', '{{1,2},{3,NULL}}', '[0:2]={1,2,3}', '[-1:0][5:5]={{1},{2}}']) v;
select 'text[]', '', v::text[]::text, encode(array_send(v::text[]), 'hex')
from unnest(array['{}', '{a,"",NULL,"NULL","a b","q\"b\\c","{,}"}', '{é,";"}']) v;
select 'box[]', '', v::box[]::text, encode(array_send(v::box[]), 'hex') from unnest(array['{(1,1),(0,0);(2,2),(1,1)}']) v;
select 'inet', '', text(v), encode(inet_send(v), 'hex')
from unnest(array['127.0.0.1', '10.1.2.3/8', '::1', '2001:db8::1/32', '::ffff:1.2.3.4']::inet[]) v;
select 'cidr', '', v::text, encode(cidr_send(v), 'hex') from unnest(array['10.0.0.0/8', '::1/128']::cidr[]) v;
select 'macaddr', '', v::text, encode(macaddr_send(v), 'hex') from unnest(array['08:00:2b:01:02:03']::macaddr[]) v;
select 'macaddr8', '', v::text, encode(macaddr8_send(v), 'hex') from unnest(array['08:00:2b:01:02:03:04:05']::macaddr8[]) v;
select 'varbit', '', v::text, encode(varbit_send(v), 'hex') from unnest(array['', '1', '10101010', '101010101']::varbit[]) v;
select 'int4range', '', v::text, encode(range_send(v), 'hex')
from unnest(array['empty', '[1,10)', '(,)', '(,5)', '[3,)']::int4range[]) v;
select 'tsrange', '', v::text, encode(range_send(v), 'hex')
from unnest(array['empty', '[2000-01-01 00:00:00,2024-02-29 12:00:00.5]', '(,infinity)']::tsrange[]) v;
select 'int4multirange', '', v::text, encode(multirange_send(v), 'hex')
from unnest(array['{}', '{[1,2),[5,)}', '{(,)}']::int4multirange[]) v;
select 'record', '', v::text, encode(record_send(v), 'hex')
from (values (row(1, null, 'a b')), (row(null, null, '')), (row(2, 5::int8, E'q"\\\\(,)'))) t(v);
select 'float8', '', v::text, encode(float8send(v), 'hex')
from unnest(array[1e14, 1e15, 123456789012345678, 1e23, 8.41e21, 0.0001, 0.00012, 2e-5, -1e-300]::float8[]) v;
select 'float4', '', v::text, encode(float4send(v), 'hex')
from unnest(array[1e5, 1e6, 1234567, 123456.7, 67108868, 2490571.25, 0.0001]::float4[]) v;
set lc_monetary = 'C';
select 'money', '', v::text, encode(cash_send(v), 'hex')
from unnest(array['0', '12.34', '-0.05', '-92233720368547758.08', '92233720368547758.07']::money[]) v;
select 'pg_lsn', '', v::text, encode(pg_lsn_send(v), 'hex')
from unnest(array['0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF']::pg_lsn[]) v;
select 'point', '', v::text, encode(point_send(v), 'hex')
from unnest(array['(1,-2.5)', '(1e20,NaN)', '(Infinity,0.1)']::point[]) v;
select 'line', '', v::text, encode(line_send(v), 'hex') from unnest(array['{1,2,-3.5}']::line[]) v;
select 'lseg', '', v::text, encode(lseg_send(v), 'hex') from unnest(array['[(1,2),(3,4)]']::lseg[]) v;
select 'box', '', v::text, encode(box_send(v), 'hex') from unnest('{(1,2),(3,4);(0,0),(-1,1e-7)}'::box[]) v;
select 'path', '', v::text, encode(path_send(v), 'hex')
from unnest(array['[(1,2),(3,4)]', '((1,2),(3,4),(5,6))', '[(0,0)]']::path[]) v;
select 'polygon', '', v::text, encode(poly_send(v), 'hex')
from unnest(array['((1,2),(3,4),(5,6))', '((0,0))']::polygon[]) v;
select 'circle', '', v::text, encode(circle_send(v), 'hex') from unnest(array['<(1,2),3>', '<(0,0),0>']::circle[]) v;
select 'tsvector', '', v::text, encode(tsvectorsend(v), 'hex')
from unnest(array['', 'a:1A,2B fat:3 rat:7C', '''it''''s'' ''b\\c'' ''a b'':16383', 'é ë:1']::tsvector[]) v;
select 'tsquery', '', v::text, encode(tsquerysend(v), 'hex')
from unnest(array['a', 'a & !(b | c:*AB) <-> d <3> e', '''it''''s'' | ''b\\c'':*', 'a <-> (b <-> c)', '!(a & b) | !!c:D',
    'a & b & c | d & (e | f)', '!(a <-> b) <-> !(c | d)']::tsquery[]) v;
select 'timestamptz', '', v::text, encode(timestamptz_send(v), 'hex')
from unnest(array['2024-07-01 12:00:00.25+00', '0044-03-15 00:00+00 BC', '10000-01-01 00:00+00']::timestamptz[]) v;
select 'interval', '', v::text, encode(interval_send(v), 'hex')
from unnest(array['-1 day +02:03', '-1 year +3 days', '1 year -1 day +1 us', '-13 months 1 day -1 us', '1 day 100 hours']::interval[]) v;
-- Arrays, for what is written from binary: no prefix for hosts, quotes, bounds, other delimiters.
select 'inet[]', '', v::inet[]::text, encode(array_send(v::inet[]), 'hex')
from unnest(array['{127.0.0.1,10.1.2.3/8,::1,::1.2.3.4,::1:2,::2,::ffff:1.2.3.4/96,::5:0/128,1:0:0:2::/64,::}']) v;
select 'cidr[]', '', v::cidr[]::text, encode(array_send(v::cidr[]), 'hex') from unnest(array['{10.0.0.0/8,1.2.3.4,::/0}']) v;
select 'timestamptz[]', '', v::timestamptz[]::text, encode(array_send(v::timestamptz[]), 'hex')
from unnest(array['{2024-07-01 12:00:00.25+00,NULL,-infinity}']) v;
select 'interval[]', '', v::interval[]::text, encode(array_send(v::interval[]), 'hex')
from unnest(array['[3:4]={-1 day +02:03,infinity}']) v;
select 'bytea[]', '', v::bytea[]::text, encode(array_send(v::bytea[]), 'hex') from unnest(array['{"\\\\x00ff",""}']) v;
select 'numeric[]', '', v::numeric[]::text, encode(array_send(v::numeric[]), 'hex')
from unnest(array['{1.10,NaN,-Infinity,1e-20,12345.678}']) v;
select 'bool[]', '', v::bool[]::text, encode(array_send(v::bool[]), 'hex') from unnest(array['{{{t,f}},{{NULL,t}}}']) v;
select 'timetz[]', '', v::timetz[]::text, encode(array_send(v::timetz[]), 'hex')
from unnest(array['{00:00:00+00,23:59:59.999999-05:30,10:20:30.5+02:30:15}']) v;
select 'jsonb[]', '', v::jsonb[]::text, encode(array_send(v::jsonb[]), 'hex') from unnest(array['{"{\"a\": [1, null]}",null,"1"}']) v;
select 'varbit[]', '', v::varbit[]::text, encode(array_send(v::varbit[]), 'hex') from unnest(array['{101,""}']) v;
select 'path[]', '', v::path[]::text, encode(array_send(v::path[]), 'hex') from unnest(array['{"[(1,2),(3,4)]"}']) v;
select 'tsrange[]', '', v::text, encode(array_send(v), 'hex')
from (values (array['[2000-01-01,2024-02-29 12:00:00.5]', '(,infinity)', 'empty']::tsrange[])) t(v);
select 'daterange', '', v::text, encode(range_send(v), 'hex') from unnest(array['[2000-01-01,2000-02-01)', '(,-infinity]']::daterange[]) v;
select 'nummultirange', '', v::text, encode(multirange_send(v), 'hex')
from unnest(array['{[1.10,2),(5,)}', '{}']::nummultirange[]) v;
