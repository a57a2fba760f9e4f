# Runs once, when the database is made, as its superuser: Gatehouse's role owns its database, and is and reaches nothing else.
psql --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres <<'SQL'
\set password `cat /run/secret/password`
create role gatehouse login password :'password';
create database gatehouse owner gatehouse;
revoke all on database gatehouse, postgres, template1 from public;
SQL
