import java.sql.*;
import java.util.*;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** JDBC: simple and extended protocol, server-prepared statements, parameter types, arrays, binary transfer, errors. */
public class Jdbc {
	static final String SEG = "{\"filter\": {\"modality\": \"SEG\"}}";
	static final String PARAM = "{\"filter\": {\"modality\": {\"$param\": 1}}}";
	static int failed = 0;

	static void check(String name, boolean good, Object... shown) {
		System.out.println((good ? "ok" : "not ok") + " - " + name);
		if (!good) { failed++; for (Object o : shown) System.out.println("#   " + o); }
	}
	static void same(String name, Object found, Object wanted) { check(name, Objects.equals(found, wanted), found, wanted); }

	static PGobject object(String type, String value) throws SQLException {
		PGobject o = new PGobject();
		o.setType(type);
		o.setValue(value);
		return o;
	}
	static long number(Connection c, String sql, Object... values) throws SQLException {
		try (PreparedStatement s = c.prepareStatement(sql)) {
			for (int i = 0; i < values.length; i++) {
				if (values[i] instanceof Unknown u) s.setObject(i + 1, u.text(), Types.OTHER);
				else s.setObject(i + 1, values[i]);
			}
			try (ResultSet r = s.executeQuery()) { r.next(); return r.getLong(1); }
		}
	}
	/** as docs/clients.md has it; how many rows came */
	static long documented(Connection connection) throws SQLException {
		PreparedStatement s = connection.prepareStatement("SELECT identifier FROM vxp.query(NULL::volume, ?, ?)");
		s.setString(1, "{\"filter\": {\"modality\": {\"$param\": 1}}}");
		s.setString(2, "SEG");
		long rows = 0;
		try (s; ResultSet r = s.executeQuery()) { while (r.next()) rows++; }
		return rows;
	}
	record Unknown(String text) { }

	static void all(String mode, String options) throws SQLException {
		String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/demo?user=" + System.getenv("PGUSER") + options;
		try (Connection c = DriverManager.getConnection(url)) {
			long wanted = number(c, "SELECT count(*) FROM volume WHERE modality = 'SEG'");
			check(mode + ": there are some", wanted > 100);
			Map<String, Object> kinds = new LinkedHashMap<>();
			kinds.put("setString (varchar)", SEG);
			kinds.put("Types.OTHER (unknown)", new Unknown(SEG));
			for (String type : List.of("text", "json", "jsonb", "vxp.dql")) kinds.put(type, object(type.equals("vxp.dql") ? "\"vxp\".\"dql\"" : type, SEG));
			for (var kind : kinds.entrySet())
				for (String call : List.of("volume(?)", "vxp.query(NULL::volume, ?)"))
					same(mode + ": " + call + " with " + kind.getKey(), number(c, "SELECT count(*) FROM " + call, kind.getValue()), wanted);
			same(mode + ": vxp.count", number(c, "SELECT vxp.count(?)", "{\"resource\": \"Volume\", \"filter\": {\"modality\": \"SEG\"}}"), wanted);
			same(mode + ": a bind variable", number(c, "SELECT count(*) FROM vxp.query(NULL::volume, ?, ?)", PARAM, "SEG"), wanted);
			same(mode + ": a number", number(c, "SELECT count(*) FROM vxp.query(NULL::volume, ?, ?)", "{\"filter\": {\"series_number\": {\"$lt\": {\"$param\": 1}}}}", 3),
				number(c, "SELECT count(*) FROM volume WHERE series_number < 3"));
			same(mode + ": a list", number(c, "SELECT count(*) FROM vxp.query(NULL::volume, ?, ?::text[])", "{\"filter\": {\"modality\": {\"$in\": {\"$param\": 1}}}}",
				c.createArrayOf("text", new String[] {"SEG", "PT"})), number(c, "SELECT count(*) FROM volume WHERE modality IN ('SEG', 'PT')"));
			same(mode + ": the documented call", documented(c), wanted);
			try (PreparedStatement s = c.prepareStatement("SELECT count(*) FROM vxp.query(NULL::volume, ?, ?)")) {
				Set<Long> found = new HashSet<>();
				for (int i = 0; i < 12; i++) {
					s.setString(1, PARAM);
					s.setString(2, "SEG");
					try (ResultSet r = s.executeQuery()) { r.next(); found.add(r.getLong(1)); }
				}
				same(mode + ": one statement, twelve times", found, Set.of(wanted));
			}
			try (Statement s = c.createStatement();
				 ResultSet r = s.executeQuery("SELECT lineage, labels(lineage), lineage_path, valid_to FROM volume_current ORDER BY identifier LIMIT 1")) {
				r.next();
				String path = r.getString(3);
				same(mode + ": lineage", r.getString(1), path);
				same(mode + ": lineage as an object", ((PGobject) r.getObject(1)).getValue(), path);
				same(mode + ": its labels", String.join(" > ", (String[]) r.getArray(2).getArray()), path);
				check(mode + ": an open valid_to", r.getTimestamp(4) == null && r.wasNull());
				same(mode + ": a path as parameter", number(c, "SELECT count(*) FROM volume_current WHERE lineage <@ ?", new Unknown(path)), 1L);
				same(mode + ": an ancestor as parameter", number(c, "SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, ?)", path.split(" > ")[1]),
					number(c, "SELECT count(*) FROM volume_current WHERE patient_id = ?", path.split(" > ")[1]));
			}
			String request = "{\"resource\": \"Volume\", \"filter\": {\"modality\": \"SEG\"}, \"pageSize\": 2, \"select\": [\"modality\"]}";
			for (String call : List.of("vxp.page(?)", "vxp.execute(?)", "vxp.execute(?::json)"))
				try (PreparedStatement s = c.prepareStatement("SELECT " + call)) {
					s.setString(1, request);
					try (ResultSet r = s.executeQuery()) {
						r.next();
						check(mode + ": " + call, r.getString(1).contains("\"totalItemsCount\": " + wanted) && r.getString(1).contains("[{\"modality\": \"SEG\"}, {\"modality\": \"SEG\"}]"), r.getString(1));
					}
				}
			// rows in portions, from a portal of the server
			c.setAutoCommit(false);
			try (PreparedStatement s = c.prepareStatement("SELECT identifier FROM volume(?)")) {
				s.setFetchSize(50);
				s.setString(1, SEG);
				long rows = 0;
				try (ResultSet r = s.executeQuery()) { while (r.next()) rows++; }
				same(mode + ": in portions", rows, wanted);
			}
			c.rollback();
			c.setAutoCommit(true);
			try {
				number(c, "SELECT count(*) FROM volume(?)", "{\"filter\": {\"modalty\": 1}}");
				check(mode + ": a misspelt field is refused", false);
			} catch (PSQLException e) {
				ServerErrorMessage m = e.getServerErrorMessage();
				same(mode + ": the error", List.of(e.getSQLState(), m.getDetail(), m.getHint()),
					List.of("42703", "The fault is at $.filter.modalty.", "Perhaps you meant the field \"modality\"."));
			}
			// what a modelling tool asks the driver
			try (ResultSet r = c.getMetaData().getColumns(null, "public", "volume_current", null)) {
				Map<String, String> found = new LinkedHashMap<>();
				int commented = 0;
				while (r.next()) { found.put(r.getString("COLUMN_NAME"), r.getString("TYPE_NAME")); if (r.getString("REMARKS") != null) commented++; }
				check(mode + ": the columns of the view", found.get("lineage_path").equals("text") && found.get("lineage").endsWith("lineage\"") || found.get("lineage").equals("lineage"), found);
				same(mode + ": each with a comment", commented, found.size());
			}
		}
	}

	public static void main(String[] args) throws SQLException {
		all("extended", "");
		all("prepared and binary", "&prepareThreshold=-1");
		all("simple", "&preferQueryMode=simple");
		System.exit(failed == 0 ? 0 : 1);
	}
}
