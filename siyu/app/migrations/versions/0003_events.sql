LOCK TABLE events, event_cursors IN ACCESS EXCLUSIVE MODE
----
CREATE SCHEMA event_log
----
ALTER TABLE event_cursors
    ADD COLUMN above BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN seen_xid xid8,
    ADD COLUMN seen_seq BIGINT
----
UPDATE event_cursors c SET seen_xid = null, seen_seq = null, above = coalesce(
    (SELECT min(e.seq) - 1 FROM events e WHERE e.brand_id = c.brand_id AND e.xid >= c.lo),
    -- The locks above are held: whoever states later draws a later number. A sequence never used gives out its last_value.
    (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM events_seq))
----
CREATE TABLE event_archives (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    hi xid8 NOT NULL,
    part BIGINT NOT NULL,
    lo xid8 NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    events BIGINT NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT event_archives_pkey PRIMARY KEY (brand_id, hi, part)
)
----
ALTER TABLE events RENAME TO events_first
----
ALTER TABLE events_first SET SCHEMA event_log
----
ALTER TABLE event_log.events_first DROP CONSTRAINT events_pkey
----
DROP INDEX event_log.events_brand_id_xid_seq_idx
----
DROP INDEX event_log.events_xid_brand_idx
----
ALTER INDEX event_log.events_brand_id_subject_seq_idx RENAME TO events_first_brand_id_subject_seq_idx
----
ALTER TABLE event_log.events_first ADD CONSTRAINT events_first_pkey PRIMARY KEY (brand_id, seq, xid)
----
ALTER TABLE event_log.events_first ENABLE ROW LEVEL SECURITY
----
REVOKE ALL ON event_log.events_first FROM siyu_app, siyu_dispatcher
----
CREATE TABLE public.events (
    brand_id UUID DEFAULT nullif(current_setting('siyu.brand', true), '')::uuid NOT NULL,
    seq BIGINT DEFAULT nextval('events_seq') NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject UUID NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    origin TEXT NOT NULL,
    actor JSONB DEFAULT '{}' NOT NULL,
    data JSONB NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (brand_id, seq, xid)
) PARTITION BY RANGE (xid)
----
CREATE INDEX events_brand_id_subject_seq_idx ON events (brand_id, subject, seq)
----
CREATE FUNCTION event_log.stretches() RETURNS TABLE (name text, lo bigint, hi bigint, made_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    -- The partitions with bounds, oldest first; not the one for stragglers, which takes what fits nowhere else.
    select c.relname::text,
           coalesce(substring(bound from 'FROM \(''(\d+)''\)')::bigint, 0),
           substring(bound from 'TO \(''(\d+)''\)')::bigint,
           coalesce(obj_description(c.oid, 'pg_class')::timestamptz, '-infinity')
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
    where i.inhparent = 'public.events'::regclass and bound <> 'DEFAULT'
    order by 3
$body$
----
CREATE FUNCTION event_log.believe(which text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
begin
    -- A table without statistics is planned as if a brand owned one row in two hundred; say the opposite (18 and later).
    if to_regproc('pg_catalog.pg_restore_attribute_stats') is not null then
        perform pg_restore_attribute_stats(
            'schemaname', 'event_log', 'relname', which, 'attname', 'brand_id', 'inherited', false,
            'version', current_setting('server_version_num')::integer,
            'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real);
    end if;
end $body$
----
CREATE FUNCTION event_log.make(lo bigint, hi bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
declare which text := 'events_' || lo;
begin
    -- Made beside the log and then attached: that lets writers go on, CREATE … PARTITION OF would stop them.
    execute format('create table event_log.%I (like public.events including defaults including indexes)', which);
    execute format('alter table event_log.%I enable row level security', which);
    execute format('comment on table event_log.%I is %L', which, clock_timestamp()::text);
    execute format('alter table public.events attach partition event_log.%I for values from (%L) to (%L)', which, lo, hi);
    perform event_log.believe(which);
    return which;
end $body$
----
CREATE FUNCTION event_log.extend(aim interval DEFAULT '30 days', smallest bigint DEFAULT 1048576) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
declare
    newest record; before record; size bigint; made integer := 0;
    now_xid bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
begin
    -- Always one whole stretch ahead of the one in use, each sized by how long the one before lasted.
    perform pg_advisory_xact_lock(hashtext('siyu.event_log'));
    loop
        select * into newest from event_log.stretches() s order by s.hi desc limit 1;
        exit when newest.lo > now_xid;
        select * into before from event_log.stretches() s order by s.hi desc offset 1 limit 1;
        size := 4194304;
        if before.lo > 0 then
            size := (before.hi - before.lo) * least(16, greatest(0.0625,
                extract(epoch from aim) / greatest(1, extract(epoch from clock_timestamp() - newest.made_at))));
        end if;
        size := greatest(least(size, 68719476736), smallest);
        perform event_log.make(greatest(newest.hi, now_xid), greatest(newest.hi, now_xid) + size);
        made := made + 1;
    end loop;
    return made;
end $body$
----
CREATE FUNCTION event_log.let_go(which text, hearing text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
declare s record; missing boolean; needed boolean;
begin
    -- Drops a stretch if nobody can miss it, else says why not: open · unarchived · unheard · parked · unknown.
    perform pg_advisory_xact_lock(hashtext('siyu.event_log'));
    select * into s from event_log.stretches() t where t.name = which;
    if not found then return 'unknown'; end if;
    if s.hi > pg_snapshot_xmin(pg_current_snapshot())::text::bigint then return 'open'; end if;
    execute format($$
        select exists (
            select from (select brand_id, count(*) as events from event_log.%I group by brand_id) kept
            left join (select brand_id, sum(events) as events from public.event_archives
                       where hi = %L and lo = %L group by brand_id) archived using (brand_id)
            where archived.events is distinct from kept.events) $$, which, s.hi, s.lo) into missing;
    if missing then return 'unarchived'; end if;
    -- From here on no cursor moves, and no follower is in the middle of a page.
    lock table public.event_cursors in exclusive mode;
    execute format($$
        select exists (
            select from public.event_cursors c where c.listener = any($1) and c.lo < %L
            and exists (select from event_log.%I e where e.brand_id = c.brand_id and e.seq > c.above and e.xid >= c.lo)) $$,
        s.hi, which) into needed using hearing;
    if needed then return 'unheard'; end if;
    execute format($$
        select exists (select from public.parked_events p join event_log.%I e using (brand_id, subject, seq)) $$, which)
        into needed;
    if needed then return 'parked'; end if;
    execute format('drop table event_log.%I', which);
    return '';
end $body$
----
CREATE FUNCTION event_log.held_by()
RETURNS TABLE (kind text, pid integer, name text, role text, state text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    -- Who is the oldest transaction still running: nothing at or after its number can be heard before its end.
    with oldest as (select (pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296)::text::xid as xid)
    select 'session', a.pid, a.application_name, a.usename::text, coalesce(a.state, ''), a.xact_start
    from pg_stat_activity a join oldest on a.backend_xid = oldest.xid
    union all
    select 'prepared', null, p.gid, p.owner::text, 'prepared', p.prepared
    from pg_prepared_xacts p join oldest on p.transaction = oldest.xid
$body$
----
DO $body$
declare
    top bigint := greatest((select coalesce(max(xid::text::bigint), 0) from event_log.events_first),
                           pg_snapshot_xmax(pg_current_snapshot())::text::bigint) + 4194304;
begin
    execute format('comment on table event_log.events_first is %L', clock_timestamp()::text);
    execute format('alter table public.events attach partition event_log.events_first for values from (minvalue) to (%L)', top);
    perform event_log.make(top, top + 4194304);
end $body$
----
CREATE TABLE event_log.events_stragglers PARTITION OF events DEFAULT
----
ALTER TABLE event_log.events_stragglers ENABLE ROW LEVEL SECURITY
----
SELECT event_log.believe('events_stragglers'), event_log.believe('events_first')
----
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA event_log FROM PUBLIC
----
GRANT USAGE ON SCHEMA event_log TO siyu_dispatcher
----
GRANT EXECUTE ON FUNCTION event_log.stretches(), event_log.extend(interval, bigint), event_log.let_go(text, text[]), event_log.held_by()
    TO siyu_dispatcher
----
GRANT SELECT ON SEQUENCE events_seq TO siyu_dispatcher
