// node-postgres: simple and extended protocol, named (prepared) statements, parameters, arrays, binary, JSON, errors.
// The modules lie in the folder that NODE_PATH names.
const { Client } = require('pg');
const assert = require('assert');

const SEG = '{"filter": {"modality": "SEG"}}';
const PARAM = '{"filter": {"modality": {"$param": 1}}}';
let failed = 0;

function check(name, good, ...shown) {
	console.log(`${good ? 'ok' : 'not ok'} - ${name}`);
	if (!good) { failed++; shown.forEach(v => console.log('#  ', JSON.stringify(v))); }
}
function same(name, found, wanted) {
	let good = true;
	try { assert.deepStrictEqual(found, wanted); } catch { good = false; }
	check(name, good, found, wanted);
}

async function main() {
	const client = new Client({ host: '127.0.0.1', port: +process.env.PGPORT, user: process.env.PGUSER, database: 'demo' });
	await client.connect();
	const value = async (text, ...values) => Object.values((await client.query({ text, values, rowMode: 'array' })).rows[0])[0];

	const wanted = +await value("SELECT count(*) FROM volume WHERE modality = 'SEG'");
	check('there are some', wanted > 100);
	same('simple protocol', +(await client.query(`SELECT count(*) AS n FROM volume('${SEG}')`)).rows[0].n, wanted);
	for (const call of ['volume($1)', 'vxp.query(NULL::volume, $1)', 'volume($1::text)', 'volume($1::json)', 'volume($1::jsonb)'])
		same(call, +await value(`SELECT count(*) FROM ${call}`, SEG), wanted);
	// an object is sent as its JSON text
	same('an object', +await value('SELECT count(*) FROM volume($1)', { filter: { modality: 'SEG' } }), wanted);
	same('vxp.count', +await value('SELECT vxp.count($1::text)', { resource: 'Volume', filter: { modality: 'SEG' } }), wanted);
	same('a bind variable', +await value('SELECT count(*) FROM vxp.query(NULL::volume, $1, $2::text)', PARAM, 'SEG'), wanted);
	same('a list', +await value('SELECT count(*) FROM vxp.query(NULL::volume, $1, $2::text[])', '{"filter": {"modality": {"$in": {"$param": 1}}}}', ['SEG', 'PT']),
		+await value("SELECT count(*) FROM volume WHERE modality IN ('SEG', 'PT')"));
	// as docs/clients.md has it
	const documented = async () =>
		await client.query('SELECT identifier FROM volume($1)', [{ filter: { modality: 'SEG' } }]);
	same('the documented call', (await documented()).rows.length, wanted);
	const counts = new Set();
	for (let i = 0; i < 12; i++)
		counts.add((await client.query({ name: 'n', text: 'SELECT count(*)::int AS n FROM vxp.query(NULL::volume, $1, $2::text)', values: [PARAM, 'SEG'] })).rows[0].n);
	same('a named statement, twelve times', [...counts], [wanted]);

	const row = (await client.query('SELECT lineage, labels(lineage), depth(lineage), lineage_path, derived_from FROM volume_current ORDER BY identifier LIMIT 1')).rows[0];
	same('lineage as text, its labels as an array', [row.lineage, row.labels.join(' > '), row.depth], [row.lineage_path, row.lineage_path, 4]);
	const binary = (await client.query({ text: 'SELECT lineage FROM volume_current ORDER BY identifier LIMIT 1', binary: true, values: [] })).rows[0].lineage;
	check('lineage in binary holds the labels', Buffer.from(binary).includes(row.labels[3]));
	same('a path as parameter', +await value('SELECT count(*) FROM volume_current WHERE lineage <@ $1', row.lineage), 1);
	same('an ancestor as parameter', +await value('SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, $1)', row.labels[1]),
		+await value('SELECT count(*) FROM volume_current WHERE patient_id = $1', row.labels[1]));
	same('ancestors as an array', +await value('SELECT count(*) FROM volume_current WHERE has_any_ancestor(lineage, $1)', [row.labels[1], 'patient/none']),
		+await value('SELECT count(*) FROM volume_current WHERE patient_id = $1', row.labels[1]));

	const request = { resource: 'Volume', filter: { modality: 'SEG' }, pageSize: 2, select: ['modality'] };
	for (const call of ['vxp.page($1)', 'vxp.execute($1)', 'vxp.execute($1::json)', 'vxp.execute($1::jsonb)']) {
		const answer = await value(`SELECT ${call}`, request);
		same(call, [answer.totalItemsCount, answer.items, answer.hasNextPage], [wanted, [{ modality: 'SEG' }, { modality: 'SEG' }], true]);
	}
	let error = {};
	try { await client.query('SELECT * FROM volume($1)', ['{"filter": {"modalty": 1}}']); } catch (e) { error = e; }
	same('the error', [error.code, error.detail, error.hint], ['42703', 'The fault is at $.filter.modalty.', 'Perhaps you meant the field "modality".']);
	same('and the connection goes on', +await value('SELECT count(*) FROM volume($1)', SEG), wanted);
	await client.end();
	process.exit(failed ? 1 : 0);
}
main().catch(e => { console.log('not ok - ' + e.stack); process.exit(1); });
