// make_oracle.mjs - documents, filters and the answers of another implementation of MongoDB's query language
//
//   npm install mingo@7.2.7 && node make_oracle.mjs FOLDER
//
// writes oracle_documents.tsv.gz (number, oddities, document) and oracle_filters.tsv.gz (filter, oddities that it
// skips, answer: one bit for each document, as hexadecimal digits).  Seeded: the same versions give the same rows.
// sql/dql_oracle.sql reads them and needs neither this script nor mingo.
//
// What docs/dql.md rules otherwise than MongoDB is not generated here but asserted in sql/dql_oracle.sql: nested
// objects and {} as conditions, patterns, order with null, timestamps and number literals as text, null and
// "$exists": false on a path through a list, names below a list directly inside a list.
import { Query } from "mingo";
import { gzipSync } from "node:zlib";
import { writeFileSync } from "node:fs";

let state = 20240229;
const random = () => {		// mulberry32
	state = (state + 0x6d2b79f5) | 0;
	let t = Math.imul(state ^ (state >>> 15), 1 | state);
	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
	return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const chance = (p) => random() < p;
const times = (n, f) => Array.from({ length: n }, f);

const DOCUMENTS = 2000;
const FILTERS = 2400;
const words = ["", "a", "b", "ab", "B", "é", "e\u0301", "日本", "😀", "7", "x y", "a.b", "true", "null", "100%", "a_b", "a\\b", "q\"q", "tab\t"];
const numbers = [0, 1, 2, 3, 5, 7, -1, -3.5, 0.5, 1e3, 123456789, 2.25];
const keys = ["a", "b", "c", "d", "k-1", "ü"];

const scalar = () => {
	const r = random();
	return r < 0.4 ? pick(numbers) : r < 0.75 ? pick(words) : r < 0.9 ? chance(0.5) : null;
};
const object = (depth) => Object.fromEntries(times(1 + below(3), () => [pick(keys), value(depth)]));
function value(depth) {
	const r = random();
	if (depth === 0 || r < 0.45) return scalar();
	if (r < 0.6) return times(below(4), scalar);
	if (r < 0.75) return times(1 + below(3), () => object(depth - 1));
	// no list directly inside a list: mingo, unlike MongoDB, walks into it by name
	if (r < 0.8) return times(1 + below(3), () => (chance(0.5) ? scalar() : object(depth - 1)));
	return object(depth - 1);
}
// Where mingo, unlike MongoDB, errs, a filter skips the documents concerned.  1: a list below a list, into which it
// does not look from a dotted path.  2: a scalar in a list, on which $elemMatch applies conditions of fields.
const twisted = (v, below) => Array.isArray(v) ? below || v.some((e) => twisted(e, true))
	: v !== null && typeof v === "object" && Object.values(v).some((e) => twisted(e, below));
const scalars = (v) => Array.isArray(v) ? v.some((e) => flat(e) || scalars(e))
	: v !== null && typeof v === "object" && Object.values(v).some(scalars);
const flat = (v) => v === null || typeof v !== "object";
const oddities = (d) => (twisted(d, false) ? 1 : 0) + (scalars(d) ? 2 : 0);
const document = () => Object.fromEntries(keys.filter(() => chance(0.6)).map((k) => [k, value(3)]));
const documents = times(DOCUMENTS, (_, i) => {
	for (;;) { const d = document(); if (i % 5 === 0 || !twisted(d, false)) return d; }
});

// values that documents really have at a path, so that filters find something
const path = () => {
	const r = random();
	const segments = times(r < 0.45 ? 1 : r < 0.85 ? 2 : 3, () => pick(keys));
	if (chance(0.08)) segments.splice(1 + below(segments.length), 0, String(below(3)));
	return segments;
};
const found = (segments) => {
	for (let i = 0; i < 8; i++) {
		let at = pick(documents);
		for (const s of segments) {
			if (Array.isArray(at)) at = /^\d+$/.test(s) ? at[s] : pick(at);
			at = at !== null && typeof at === "object" ? at[s] : undefined;
		}
		if (Array.isArray(at) && chance(0.6)) at = pick(at);
		if (at !== undefined && at !== null) return at;
	}
	return scalar();
};
const operand = (segments) => {
	const v = found(segments);
	if (flat(v)) return v;
	// nor does it keep apart the list at the end of a path and the list of what several objects have there
	if (segments.length === 1 && Array.isArray(v) && v.every(flat)) return v;
	return scalar();
};
const notNull = (f) => { for (;;) { const v = f(); if (v !== null) return v; } };
const ordered = (segments) => {
	for (;;) {
		const v = operand(segments);
		if (flat(v) && v !== null && !(typeof v === "string" && /^-?\d/.test(v))) return v;
	}
};
// null and a missing field are the same question at the first key only
const equal = (segments) => segments.length === 1 ? operand(segments) : notNull(() => operand(segments));

// in $in and $nin mingo takes no list for a value
const member = (segments) => { for (;;) { const v = equal(segments); if (flat(v)) return v; } };

function operators(segments, depth) {
	const r = random();
	if (r < 0.14) return { $eq: equal(segments) };
	if (r < 0.26) return { $ne: equal(segments) };
	if (r < 0.42) return { $in: times(below(5), () => member(segments)) };
	if (r < 0.54) return { $nin: times(below(4), () => member(segments)) };
	if (r < 0.76) {
		const o = { [pick(["$gt", "$gte", "$lt", "$lte"])]: ordered(segments) };
		if (chance(0.3)) o[pick(["$gt", "$lt", "$ne"])] = ordered(segments);
		return o;
	}
	// it lets an index exist in a scalar
	if (r < 0.84 && !segments.some((s) => /^\d/.test(s))) return { $exists: segments.length === 1 ? chance(0.5) : true };
	// $elemMatch behind a dotted path: it takes what several objects have there for one list
	if (r < 0.92 || depth === 0 || segments.length > 1) return { $not: operators(segments, 0) };
	return chance(0.5) ? { $elemMatch: elementOperators(segments) } : { $elemMatch: inner(segments, depth - 1) };
}
const elementOperators = (segments) => {
	const o = { [pick(["$gt", "$gte"])]: ordered(segments) };
	if (chance(0.6)) o[pick(["$lt", "$lte", "$ne"])] = ordered(segments);
	return o;
};
// conditions on the elements of a list of objects
const inner = (segments, depth) => Object.fromEntries(times(1 + below(2), () => {
	const key = pick(keys);
	return [key, chance(0.5) ? notNull(() => operand([...segments, key])) : operators([...segments, key], 0)];
}));
function filter(depth) {
	const r = random();
	if (depth > 0 && r < 0.12) return { $and: times(1 + below(3), () => filter(depth - 1)) };
	if (depth > 0 && r < 0.3) return { $or: times(1 + below(3), () => filter(depth - 1)) };
	if (depth > 0 && r < 0.36) return { $nor: times(1 + below(2), () => filter(depth - 1)) };
	return Object.fromEntries(times(chance(0.75) ? 1 : 2, () => {
		const p = path();
		let v = chance(0.3) ? equal(p) : operators(p, depth);
		return [p.join("."), v];
	}));
}
const filters = [];
const seen = new Set();
while (filters.length < FILTERS) {
	const f = filter(2);
	const text = JSON.stringify(f);
	if (seen.has(text)) continue;
	seen.add(text);
	const query = new Query(f);
	const bits = Buffer.alloc(DOCUMENTS / 8);
	let count = 0;
	const skip = (/"[^"]*\.[^"]*":/.test(text) ? 1 : 0) + (/"\$elemMatch":\{"[^$]/.test(text) ? 2 : 0);
	documents.forEach((d, i) => { if (!(skip & oddities(d)) && query.test(d)) { bits[i >> 3] |= 1 << (i & 7); count++; } });
	// few of the filters that nothing or everything satisfies
	if ((count === 0 || count === DOCUMENTS) && !chance(0.1)) continue;
	filters.push([text, skip, bits.toString("hex")]);
}
const folder = process.argv[2] ?? ".";
const write = (name, rows) => writeFileSync(`${folder}/${name}`, gzipSync(rows.map((r) => r.join("\t") + "\n").join(""), { level: 9 }));
write("oracle_documents.tsv.gz", documents.map((d, i) => [i, oddities(d), JSON.stringify(d)]));
write("oracle_filters.tsv.gz", filters);
