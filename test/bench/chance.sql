--
-- chance.sql: bench.chance(number, seed), a number in (0, 1) that is the same on every machine
--
CREATE FUNCTION bench.chance(number bigint, seed int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT ((hashint8extended(number, seed) & 9007199254740991) + 0.5) / 9007199254740992.0;
END;
