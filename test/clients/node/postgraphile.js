// PostGraphile: a GraphQL server made from the views alone. What it finds by introspection, and what it answers.
const { Pool } = require('pg');
const { createPostGraphileSchema, withPostGraphileContext } = require('postgraphile');
const { graphql, printType } = require('graphql');
const assert = require('assert');

let failed = 0;
function check(name, good, ...shown) {
	console.log(`${good ? 'ok' : 'not ok'} - ${name}`);
	if (!good) { failed++; shown.forEach(v => console.log('#  ', typeof v === 'string' ? v : JSON.stringify(v))); }
}
function same(name, found, wanted) {
	let good = true;
	try { assert.deepStrictEqual(found, wanted); } catch { good = false; }
	check(name, good, found, wanted);
}

async function main() {
	const pool = new Pool({ host: '127.0.0.1', port: +process.env.PGPORT, user: process.env.PGUSER, database: 'demo' });
	await pool.query(`SELECT vxp.save_filter('large_mr', '{"resource": "Volume", "filter": {"modality": "MR", "size_mb": {"$gt": 100}}}')`);
	const schema = await createPostGraphileSchema(pool, ['public'], { simpleCollections: 'both', dynamicJson: true, legacyRelations: 'omit' });
	const ask = async query => {
		const answer = await withPostGraphileContext({ pgPool: pool }, context => graphql(schema, query, null, context));
		if (answer.errors) throw answer.errors[0];
		return answer.data;
	};
	const rows = async (text, ...values) => (await pool.query({ text, values, rowMode: 'array' })).rows;

	// what a tool sees
	const type = schema.getType('VolumeCurrent');
	const fields = type.getFields();
	const kind = name => String(fields[name].type);
	same('plain types', ['identifier', 'sizeMb', 'seriesNumber', 'seriesDate', 'validFrom', 'metadata', 'derivedFrom', 'lineagePath', 'patientId', 'datasourceId', 'studyId', 'volumeId'].map(kind),
		['String', 'BigFloat', 'Int', 'Date', 'Datetime', 'JSON', '[String]', 'String', 'String', 'String', 'String', 'String']);
	const names = Object.keys(fields);
	same('the path last, its text before it', names.slice(-2), ['lineagePath', 'lineage']);
	for (const view of ['DatasourceCurrent', 'PatientCurrent', 'ImagingstudyCurrent', 'VolumeCurrent', 'Item'])
		check(`${view} is there`, schema.getType(view));
	for (const view of ['DatasourceCurrent', 'PatientCurrent', 'ImagingstudyCurrent', 'VolumeCurrent']) {
		const found = schema.getType(view);
		const bare = Object.values(found.getFields()).filter(f => !f.description && f.name !== 'nodeId').map(f => f.name);
		check(`${view} and each of its fields has a description`, found.description && bare.length === 0, found.description, bare);
	}

	// what it answers: condition, order, pages, counts
	const data = await ask(`{
		allVolumeCurrents(condition: {datasourceId: "datasource/soft_tissue_sarcoma", modality: "PT"}, orderBy: [SIZE_MB_DESC, IDENTIFIER_ASC], first: 3) {
			totalCount
			nodes { identifier patientId sizeMb seriesDate lineagePath metadata }
		}
	}`);
	const wanted = await rows(`SELECT identifier, patient_id, size_mb::text, series_date::text, lineage_path, metadata FROM volume_current
		WHERE datasource_id = 'datasource/soft_tissue_sarcoma' AND modality = 'PT' ORDER BY volume_current.size_mb DESC, identifier LIMIT 3`);
	same('rows', data.allVolumeCurrents.nodes.map(n => [n.identifier, n.patientId, n.sizeMb, n.seriesDate, n.lineagePath, n.metadata]), wanted);
	same('count', data.allVolumeCurrents.totalCount, +(await rows("SELECT count(*) FROM volume WHERE datasource_id = 'datasource/soft_tissue_sarcoma' AND modality = 'PT'"))[0][0]);
	check('there are some', wanted.length === 3 && data.allVolumeCurrents.totalCount > 3);

	// a saved filter is a view like any other
	const saved = (await ask('{ allLargeMrs { totalCount nodes { identifier sizeMb } } }')).allLargeMrs;
	same('a saved filter', [saved.totalCount, saved.nodes.every(n => +n.sizeMb > 100)], [+(await rows("SELECT count(*) FROM volume WHERE modality = 'MR' AND size_mb > 100"))[0][0], true]);
	check('with rows', saved.totalCount > 0);
	await pool.query("SELECT vxp.drop_filter('large_mr')");
	await pool.end();
	process.exit(failed ? 1 : 0);
}
main().catch(e => { console.log('not ok - ' + e.stack); process.exit(1); });
