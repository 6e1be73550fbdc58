/// Connection URIs of PostgreSQL, "postgresql://user:password@host/database?key=value", read as libpq reads
/// them, as far as messages and defaults need it: what is hidden here is what libpq takes for a password.
/// Used by database.h.
///
/// Source: https://www.postgresql.org/docs/15/libpq-connect.html, "Connection URIs", and conninfo_uri_parse
/// in
///         src/interfaces/libpq/fe-connect.c, which is the definition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reprise::harness {

bool is_postgres_uri(std::string_view location);

/// `location` with each password in it as "***": that of the user, and all parameters whose name ends in
/// "password". Locations that are no such URI have none.
std::string without_passwords(const std::string& location);

/// Those passwords, as they are written and as they are meant.
std::vector<std::string> passwords_in(const std::string& location);

/// `uri` with a connect_timeout of 10 s, unless it has one.
std::string with_connect_timeout(const std::string& uri);

}  // namespace reprise::harness
