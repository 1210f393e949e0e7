"""A stretch of the log that is made late makes whoever states an event wait, not fail."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Stops writers for the moment of attaching when the new stretch's numbers may already be in use."""
    op.execute(
        """CREATE OR REPLACE FUNCTION event_log.extend(aim interval DEFAULT '30 days', smallest bigint DEFAULT 1048576) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
declare
    newest record; before record; size bigint; made integer := 0;
    now_xid bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    near constant bigint := 500000;
begin
    -- Always one whole stretch ahead of the one in use, each sized by how long the one before lasted.
    perform pg_advisory_xact_lock(hashtext('siyu.event_log'));
    loop
        select * into newest from event_log.stretches() s order by s.hi desc limit 1;
        exit when newest.lo > now_xid;
        if newest.hi - now_xid < near then
            -- Numbers of the stretch to be made may be in use before it is there. Who states an event then would find a
            -- log without it, and be refused by the stragglers once it is: let them wait here for that moment.
            lock table public.events in share row exclusive mode;
            now_xid := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
        end if;
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
end $body$"""
    )
