-- Roles for a board on a PostgreSQL server. Run it in the board's database as the user who owns the board and may create
-- roles, after `blackboard init`, and again after each upgrade of the program:
--
--   psql --dbname blackboard --file grants.sql
--
-- Then give each user one role: GRANT blackboard_programs TO web; No role may create tables or change the schema. What
-- does so needs the owner: `init`, upgrades, and the first deployment with a searched kind or with a decay law of your
-- own.

DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['blackboard_programs', 'blackboard_readers', 'blackboard_dashboards'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
    END IF;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO blackboard_programs, blackboard_readers, blackboard_dashboards;

-- Daemons, servers and programs that deposit.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO blackboard_programs;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO blackboard_programs;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM blackboard_programs;

-- People who use commands that read, such as `status`, `marks` and `sql`. Tokens and secrets are not theirs.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO blackboard_readers;
REVOKE SELECT ON access_token, secret FROM blackboard_readers;

-- Dashboards and reports: the views, which show no token and no secret.
GRANT SELECT ON live_marks, mark_tags, mark_history, searchable_marks, needs, agenda, activations, activation_marks,
  activity, schedules, watch_states, outbox, provenance, model_calls, costs TO blackboard_dashboards;
