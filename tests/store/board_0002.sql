-- A board of schema 0002, as the program wrote it before the names of the first release.
PRAGMA application_id = 1112296258;
BEGIN TRANSACTION;
CREATE TABLE absorbed (
	watch_id INTEGER NOT NULL, 
	mark_id INTEGER NOT NULL, 
	event_id INTEGER NOT NULL, 
	activation_id INTEGER NOT NULL, 
	PRIMARY KEY (watch_id, mark_id)
)
 WITHOUT ROWID

;
INSERT INTO "absorbed" VALUES(1,1,1,2);
INSERT INTO "absorbed" VALUES(1,2,2,1);
INSERT INTO "absorbed" VALUES(1,3,3,1);
INSERT INTO "absorbed" VALUES(1,4,4,1);
INSERT INTO "absorbed" VALUES(1,5,5,1);
INSERT INTO "absorbed" VALUES(1,6,6,1);
INSERT INTO "absorbed" VALUES(1,9,9,10);
INSERT INTO "absorbed" VALUES(1,10,10,3);
INSERT INTO "absorbed" VALUES(1,12,12,4);
INSERT INTO "absorbed" VALUES(1,13,13,5);
INSERT INTO "absorbed" VALUES(1,17,17,10);
INSERT INTO "absorbed" VALUES(1,18,18,10);
INSERT INTO "absorbed" VALUES(1,19,19,10);
INSERT INTO "absorbed" VALUES(1,20,20,12);
INSERT INTO "absorbed" VALUES(5,7,7,6);
INSERT INTO "absorbed" VALUES(5,14,14,6);
INSERT INTO "absorbed" VALUES(5,15,15,7);
CREATE TABLE activation (
	id INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	watch_id INTEGER NOT NULL, 
	subject TEXT, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	crossed_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT, 
	retry_at BIGINT, 
	attempt INTEGER NOT NULL, 
	interruptions INTEGER NOT NULL, 
	error TEXT, 
	worker TEXT, 
	lease_until BIGINT, 
	fence INTEGER NOT NULL, 
	depth INTEGER NOT NULL, 
	marks_absorbed INTEGER NOT NULL, 
	marks_left INTEGER NOT NULL, split_from INTEGER, split_call INTEGER, 
	PRIMARY KEY (id)
);
INSERT INTO "activation" VALUES(1,'sales',1,NULL,'done','strength(lead) >= 0.5: 1.6 >= 0.5 and 4 more',1767603610000000,1767604020000000,1767604020000000,1767604020000000,NULL,1,0,NULL,'worker-1',NULL,1,1,5,2,NULL,NULL);
INSERT INTO "activation" VALUES(2,'sales',1,'lead/0','running','strength(lead) >= 0.5: 0.6 >= 0.5',1767603600000000,1767604020000000,1767604020000000,NULL,NULL,1,0,NULL,'worker-1',1767607620000000,1,1,1,0,NULL,NULL);
INSERT INTO "activation" VALUES(3,'sales',1,'lead/paid','done','strength(lead) >= 0.5: 3 >= 0.5',1767604020000000,1767604020000000,1767604020000000,1767604020000000,NULL,1,0,NULL,'worker-1',NULL,1,1,1,1,NULL,NULL);
INSERT INTO "activation" VALUES(4,'sales',1,'lead/lost','dead','strength(lead) >= 0.5: 3 >= 0.5',1767604020000000,1767604020000000,1767604020000000,1767604020000000,NULL,1,0,'it broke','worker-1',NULL,1,1,1,0,NULL,NULL);
INSERT INTO "activation" VALUES(5,'sales',1,'lead/batch','held','strength(lead) >= 0.5: 3 >= 0.5',1767604020000000,1767604020000000,1767604020000000,NULL,NULL,0,0,'it waits for the cheap lane',NULL,NULL,1,1,1,0,NULL,NULL);
INSERT INTO "activation" VALUES(6,'clerk',5,NULL,'done','strength(reply) >= 0.5: 2 >= 0.5 and 1 more',1767604020000000,1767604020000000,1767604020000000,1767604020000000,NULL,1,0,NULL,'worker-1',NULL,1,2,2,0,NULL,NULL);
INSERT INTO "activation" VALUES(7,'clerk',5,'b','aside','strength(reply) >= 0.5: 2 >= 0.5',1767604680000000,1767604680000000,NULL,1767604680000000,NULL,0,0,'clerk was woken 1 times within an hour (hourly_limit = 1)',NULL,NULL,0,1,1,0,NULL,NULL);
INSERT INTO "activation" VALUES(8,'warden',4,'lead/0','passed','strength(lead) < 0.4 (0.4); the guard was not met',1767607811730006,1767611880000000,NULL,1767611880000000,NULL,0,0,NULL,NULL,NULL,0,0,0,0,NULL,NULL);
INSERT INTO "activation" VALUES(9,'warden',4,'lead/1','passed','strength(lead) < 0.4 (0.4); the guard was not met',1767610810000001,1767611880000000,NULL,1767611880000000,NULL,0,0,NULL,NULL,NULL,0,0,0,0,NULL,NULL);
INSERT INTO "activation" VALUES(10,'sales',1,NULL,'done','strength(lead) >= 0.5: 2 >= 0.5 and 3 more',1767604020000000,1767612240000000,1767612240000000,1767612240000000,NULL,3,0,NULL,'worker-1',NULL,2,1,2,0,NULL,NULL);
INSERT INTO "activation" VALUES(11,'sales',1,NULL,'done','strength(lead) >= 0.5: 2 >= 0.5 and 3 more',1767604020000000,1767612240000000,1767612240000000,1767612240000000,NULL,3,0,NULL,'worker-1',NULL,1,1,2,0,10,3);
INSERT INTO "activation" VALUES(12,'sales',1,'lead/rest','done','strength(lead) >= 0.5: 3 >= 0.5',1767612240000000,1767612240000000,1767612240000000,1767612240000000,NULL,1,0,NULL,'worker-1',NULL,1,1,1,0,NULL,NULL);
CREATE TABLE activation_mark (
	activation_id INTEGER NOT NULL, 
	mark_id INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	event_id INTEGER NOT NULL, 
	strength FLOAT NOT NULL, 
	previous_event_id INTEGER, 
	PRIMARY KEY (activation_id, mark_id)
)
 WITHOUT ROWID

;
INSERT INTO "activation_mark" VALUES(1,2,'absorbed',2,7.69038356405736589493e-01,NULL);
INSERT INTO "activation_mark" VALUES(1,3,'absorbed',3,9.62223836894145145848e-01,NULL);
INSERT INTO "activation_mark" VALUES(1,4,'absorbed',4,1.15578074408405218065e+00,NULL);
INSERT INTO "activation_mark" VALUES(1,5,'absorbed',5,1.34970961425133184619e+00,NULL);
INSERT INTO "activation_mark" VALUES(1,6,'absorbed',6,1.54401098436033601402e+00,NULL);
INSERT INTO "activation_mark" VALUES(2,1,'absorbed',1,5.76223767030602518346e-01,NULL);
INSERT INTO "activation_mark" VALUES(3,10,'absorbed',10,3.0,NULL);
INSERT INTO "activation_mark" VALUES(4,12,'absorbed',12,3.0,NULL);
INSERT INTO "activation_mark" VALUES(5,13,'absorbed',13,3.0,NULL);
INSERT INTO "activation_mark" VALUES(6,7,'absorbed',7,1.0,NULL);
INSERT INTO "activation_mark" VALUES(6,14,'absorbed',14,2.0,NULL);
INSERT INTO "activation_mark" VALUES(7,15,'absorbed',15,2.0,NULL);
INSERT INTO "activation_mark" VALUES(10,9,'absorbed',9,9.06471353428110471206e-01,NULL);
INSERT INTO "activation_mark" VALUES(10,17,'absorbed',17,0.869342696032361,NULL);
INSERT INTO "activation_mark" VALUES(11,18,'absorbed',18,0.869342696032361,NULL);
INSERT INTO "activation_mark" VALUES(11,19,'absorbed',19,0.869342696032361,NULL);
INSERT INTO "activation_mark" VALUES(12,20,'absorbed',20,3.0,NULL);
CREATE TABLE agent_state (
	agent TEXT NOT NULL, 
	paused INTEGER NOT NULL, 
	paused_because TEXT, 
	rest_until BIGINT, 
	failures INTEGER NOT NULL, 
	PRIMARY KEY (agent)
);
INSERT INTO "agent_state" VALUES('sales',0,NULL,NULL,0);
INSERT INTO "agent_state" VALUES('clerk',0,NULL,1767604620000000,0);
INSERT INTO "agent_state" VALUES('analyst',1,'until Monday',NULL,0);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE board (
	id INTEGER NOT NULL, 
	uid TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	recorded_at BIGINT NOT NULL, 
	version INTEGER NOT NULL, 
	paused INTEGER NOT NULL, 
	paused_because TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "board" VALUES(1,'1d5c05f53e1f4b14b9fbddefdda1b355',1767603600000000,1767612240000001,2,0,NULL);
CREATE TABLE board_total (
	watch_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	law TEXT NOT NULL, 
	marks INTEGER NOT NULL, 
	sum0 FLOAT NOT NULL, 
	sum1 FLOAT NOT NULL, 
	anchor BIGINT NOT NULL, 
	settled BIGINT NOT NULL, 
	PRIMARY KEY (watch_id, kind, law)
)
 WITHOUT ROWID

;
INSERT INTO "board_total" VALUES(3,'lead','exponential(half_life=2h)',15,1.64748339741014326875e+01,0.0,1767612240000000,1767612240000000);
INSERT INTO "board_total" VALUES(3,'reply','exponential(half_life=1h)',2,3.7613317471922966817e+00,0.0,1767604680000000,1767612240000000);
INSERT INTO "board_total" VALUES(6,'reply','exponential(half_life=1h)',4,4.99426397022690515825e+00,0.0,1767604680000000,1767604680000000);
CREATE TABLE crossing (
	id INTEGER NOT NULL, 
	watch_id INTEGER NOT NULL, 
	subject TEXT NOT NULL, 
	mark_id INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	crossed_at BIGINT NOT NULL, 
	noticed_at BIGINT NOT NULL, 
	value FLOAT NOT NULL, 
	threshold FLOAT NOT NULL, 
	marks INTEGER NOT NULL, 
	urgent INTEGER NOT NULL, 
	ready_at BIGINT, 
	held TEXT, 
	law TEXT NOT NULL, 
	order_key FLOAT, 
	event_id INTEGER, 
	activation_id INTEGER, 
	closed_at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "crossing" VALUES(1,1,'lead/0',1,'claimed',1767603600000000,1767603600000000,0.6,0.5,1,0,1767603900000000,NULL,'exponential(half_life=2h)',2.4549976303440582705e+05,1,2,NULL);
INSERT INTO "crossing" VALUES(2,1,'lead/1',2,'done',1767603610000000,1767603610000000,0.8,0.5,1,0,1767603910000000,NULL,'exponential(half_life=2h)',245500.179460794,2,1,1767604020000000);
INSERT INTO "crossing" VALUES(3,1,'lead/2',3,'done',1767603620000000,1767603620000000,1.0,0.5,1,0,1767603920000000,NULL,'exponential(half_life=2h)',2.45500502777777786841e+05,3,1,1767604020000000);
INSERT INTO "crossing" VALUES(4,1,'lead/3',4,'done',1767603630000000,1767603630000000,1.2,0.5,1,0,1767603930000000,NULL,'exponential(half_life=2h)',2.45500767201072507312e+05,4,1,1767604020000000);
INSERT INTO "crossing" VALUES(5,1,'lead/4',5,'done',1767603640000000,1767603640000000,1.4,0.5,1,0,1767603940000000,NULL,'exponential(half_life=2h)',2.45500990982382703798e+05,5,1,1767604020000000);
INSERT INTO "crossing" VALUES(6,1,'lead/5',6,'done',1767603650000000,1767603650000000,1.6,0.5,1,1,1767603650000000,NULL,'exponential(half_life=2h)',2.45501185016349540084e+05,6,1,1767604020000000);
INSERT INTO "crossing" VALUES(7,5,'lead/5',7,'done',1767604020000000,1767604020000000,1.0,0.5,1,0,1767604020000000,NULL,'exponential(half_life=1h)',4.91001116666666639508e+05,7,6,1767604020000000);
INSERT INTO "crossing" VALUES(8,1,'lead/5',9,'done',1767604020000000,1767604020000000,2.0,0.5,1,1,1767612240000000,NULL,'exponential(half_life=2h)',2.45501558333333319756e+05,9,10,1767612240000000);
INSERT INTO "crossing" VALUES(9,1,'lead/paid',10,'done',1767604020000000,1767604020000000,3.0,0.5,1,1,1767604020000000,NULL,'exponential(half_life=2h)',2.4550214329583404469e+05,10,3,1767604020000000);
INSERT INTO "crossing" VALUES(10,1,'lead/lost',12,'claimed',1767604020000000,1767604020000000,3.0,0.5,1,1,1767604020000000,NULL,'exponential(half_life=2h)',2.4550214329583404469e+05,12,4,NULL);
INSERT INTO "crossing" VALUES(11,1,'lead/batch',13,'claimed',1767604020000000,1767604020000000,3.0,0.5,1,1,1767604020000000,NULL,'exponential(half_life=2h)',2.4550214329583404469e+05,13,5,NULL);
INSERT INTO "crossing" VALUES(12,5,'a',14,'done',1767604020000000,1767604020000000,2.0,0.5,1,0,1767604020000000,NULL,'exponential(half_life=1h)',4.9100211666666663951e+05,14,6,1767604020000000);
INSERT INTO "crossing" VALUES(13,5,'b',15,'claimed',1767604680000000,1767604680000000,2.0,0.5,1,0,1767604680000000,NULL,'exponential(half_life=1h)',491002.3,15,7,NULL);
INSERT INTO "crossing" VALUES(14,4,'lead/0',1,'passed',1767607811730006,1767611880000000,3.99999999968897845814e-01,0.4,1,0,1767611880000000,NULL,'exponential(half_life=2h)',2.45499763034405856149e+05,1,8,1767611880000000);
INSERT INTO "crossing" VALUES(15,4,'lead/1',2,'passed',1767610810000001,1767611880000000,3.99999999961491825573e-01,0.4,1,0,1767611880000000,NULL,'exponential(half_life=2h)',2.4550017946079402463e+05,2,9,1767611880000000);
INSERT INTO "crossing" VALUES(16,1,'lead/split',17,'done',1767611880000000,1767611880000000,0.9,0.5,1,0,1767612180000000,NULL,'exponential(half_life=2h)',2.45501497996906546173e+05,17,10,1767612240000000);
INSERT INTO "crossing" VALUES(17,1,'lead/split',18,'done',1767611880000000,1767611880000000,0.9,0.5,1,0,1767612180000000,NULL,'exponential(half_life=2h)',2.45501497996906546173e+05,18,11,1767612240000000);
INSERT INTO "crossing" VALUES(18,1,'lead/split',19,'done',1767611880000000,1767611880000000,0.9,0.5,1,0,1767612180000000,NULL,'exponential(half_life=2h)',2.45501497996906546173e+05,19,11,1767612240000000);
INSERT INTO "crossing" VALUES(19,1,'lead/rest',20,'done',1767612240000000,1767612240000000,3.0,0.5,1,1,1767612240000000,NULL,'exponential(half_life=2h)',2.45503284962500736583e+05,20,12,1767612240000000);
INSERT INTO "crossing" VALUES(20,1,'lead/rest',21,'waiting',1767612240000000,1767612240000000,3.0,0.5,1,1,1767615840000000,'rest','exponential(half_life=2h)',2.45503284962500736583e+05,21,NULL,NULL);
CREATE TABLE deployment (
	version INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	content TEXT NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "deployment" VALUES(1,1767603600000000,'{"agents": {"analyst": {"formerly": null, "name": "analyst", "reads": [], "settings": {"batch": null, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "concurrency": 1, "gather": "0s", "give_up_after": null, "hourly_limit": null, "lane": "direct", "lane_below": null, "max_attempts": 3, "max_depth": 25, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [], "on_unknown": "retry", "rest": "0s", "rest_after_failures": 5, "rest_per": "agent", "retry_after": "10s", "timeout": "10m", "urgency": null, "when_faded": "keep"}, "watches": [{"name": "watch", "only_if": null, "own": false, "rearm": null, "unless": null, "when": "total(reply, over=board) >= 100"}], "writes": []}, "clerk": {"formerly": null, "name": "clerk", "reads": [], "settings": {"batch": null, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "concurrency": 1, "gather": "0s", "give_up_after": null, "hourly_limit": 1, "lane": "direct", "lane_below": null, "max_attempts": 3, "max_depth": 25, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [], "on_unknown": "retry", "rest": "10m", "rest_after_failures": 5, "rest_per": "agent", "retry_after": "10s", "timeout": "10m", "urgency": null, "when_faded": "keep"}, "watches": [{"name": "watch", "only_if": null, "own": false, "rearm": null, "unless": null, "when": "strength(reply) >= 0.5"}], "writes": []}, "sales": {"formerly": "seller", "name": "sales", "reads": [], "settings": {"batch": 5, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": 2.0, "usd_per_hour": null}, "concurrency": 8, "gather": "5m", "give_up_after": null, "hourly_limit": 50, "lane": "batch", "lane_below": 0.4, "max_attempts": 3, "max_depth": 12, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [{"below": 0.5, "model": "claude-haiku-5-5"}], "on_unknown": "retry", "rest": "1h", "rest_after_failures": 7, "rest_per": "subject", "retry_after": "1s", "timeout": "10m", "urgency": 1.5, "when_faded": "keep"}, "watches": [{"name": "new", "only_if": "(count(reply, subject=''o''''clock*'') < 2)", "own": true, "rearm": 0.2, "unless": "(count(rain, over=board) >= 1 | max(rain) >= 3)", "when": "strength(lead) >= 0.5"}, {"name": "warm", "only_if": null, "own": false, "rearm": null, "unless": "(count(rain, over=board) >= 1 | max(rain) >= 3)", "when": "total(lead) >= 2 & max(reply) >= 1"}, {"name": "many", "only_if": null, "own": false, "rearm": null, "unless": "(count(rain, over=board) >= 1 | max(rain) >= 3)", "when": "count(lead, reply, over=board) >= 40"}], "writes": ["reply", "slot"]}, "warden": {"formerly": null, "name": "warden", "reads": [], "settings": {"batch": null, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "concurrency": 1, "gather": "0s", "give_up_after": null, "hourly_limit": null, "lane": "direct", "lane_below": null, "max_attempts": 1, "max_depth": 25, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [], "on_unknown": "retry", "rest": "0s", "rest_after_failures": 5, "rest_per": "agent", "retry_after": "10s", "timeout": "10m", "urgency": null, "when_faded": "keep"}, "watches": [{"name": "cold", "only_if": "(count(reply) >= 1)", "own": false, "rearm": null, "unless": null, "when": "strength(lead) < 0.4"}], "writes": []}}, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "kinds": {"decision": {"cap": null, "decay": {"law": "never"}, "floor": 0.01, "joins": "separate", "model": "blackboard.marks:Decision", "payload": {"additionalProperties": false, "description": "What was decided about a subject, by a person or by an agent that may.", "properties": {"answer": {"title": "Answer", "type": "string"}, "need": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null, "title": "Need"}, "question": {"default": "", "title": "Question", "type": "string"}}, "required": ["answer"], "title": "Decision", "type": "object"}, "unique": null, "weight": 1.0}, "lead": {"cap": null, "decay": {"half_life": "2h", "law": "exponential"}, "floor": 0.02, "joins": "separate", "model": "__main__:Lead", "payload": {"additionalProperties": false, "properties": {"message": {"default": "", "title": "Message", "type": "string"}}, "required": [], "title": "Lead", "type": "object"}, "unique": null, "weight": 1.0}, "need": {"cap": null, "decay": {"law": "never"}, "floor": 0.01, "joins": "separate", "model": "blackboard.marks:Need", "payload": {"additionalProperties": false, "description": "Something that a person must decide. It does not fade; `blackboard inbox` shows it.", "properties": {"detail": {"default": "", "title": "Detail", "type": "string"}, "options": {"items": {"type": "string"}, "title": "Options", "type": "array"}, "question": {"title": "Question", "type": "string"}}, "required": ["question"], "title": "Need", "type": "object"}, "unique": null, "weight": 1.0}, "rain": {"cap": null, "decay": {"lasting": "30m", "law": "step"}, "floor": 0.01, "joins": "replace", "model": "__main__:Rain", "payload": {"additionalProperties": false, "properties": {}, "required": [], "title": "Rain", "type": "object"}, "unique": null, "weight": 1.0}, "reply": {"cap": 3.0, "decay": {"half_life": "1h", "law": "exponential"}, "floor": 0.01, "joins": "add", "model": "__main__:Reply", "payload": {"additionalProperties": false, "properties": {"text": {"default": "", "title": "Text", "type": "string"}}, "required": [], "title": "Reply", "type": "object"}, "unique": null, "weight": 1.0}, "slot": {"cap": null, "decay": {"lasting": "5d", "law": "step"}, "floor": 0.01, "joins": "separate", "model": "__main__:Slot", "payload": {"additionalProperties": false, "properties": {"at": {"title": "At", "type": "string"}}, "required": ["at"], "title": "Slot", "type": "object"}, "unique": "at", "weight": 1.0}}, "trust": {}}');
INSERT INTO "deployment" VALUES(2,1767612240000001,'{"agents": {"analyst": {"formerly": null, "name": "analyst", "reads": [], "settings": {"batch": null, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "concurrency": 1, "gather": "0s", "give_up_after": null, "hourly_limit": null, "lane": "direct", "lane_below": null, "max_attempts": 3, "max_depth": 25, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [], "on_unknown": "retry", "rest": "0s", "rest_after_failures": 5, "rest_per": "agent", "retry_after": "10s", "timeout": "10m", "urgency": null, "when_faded": "keep"}, "watches": [{"name": "watch", "only_if": null, "own": false, "rearm": null, "unless": null, "when": "total(reply, over=board) >= 100"}], "writes": []}, "clerk": {"formerly": null, "name": "clerk", "reads": [], "settings": {"batch": null, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "concurrency": 1, "gather": "0s", "give_up_after": null, "hourly_limit": 1, "lane": "direct", "lane_below": null, "max_attempts": 3, "max_depth": 25, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [], "on_unknown": "retry", "rest": "10m", "rest_after_failures": 5, "rest_per": "agent", "retry_after": "10s", "timeout": "10m", "urgency": null, "when_faded": "keep"}, "watches": [{"name": "watch", "only_if": null, "own": false, "rearm": null, "unless": null, "when": "strength(reply) >= 0.5"}], "writes": []}, "sales": {"formerly": "seller", "name": "sales", "reads": [], "settings": {"batch": 5, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": 2.0, "usd_per_hour": null}, "concurrency": 8, "gather": "5m", "give_up_after": null, "hourly_limit": 50, "lane": "batch", "lane_below": 0.4, "max_attempts": 3, "max_depth": 12, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [{"below": 0.5, "model": "claude-haiku-5-5"}], "on_unknown": "retry", "rest": "1h", "rest_after_failures": 7, "rest_per": "subject", "retry_after": "1s", "timeout": "10m", "urgency": 1.5, "when_faded": "keep"}, "watches": [{"name": "new", "only_if": "(count(reply, subject=''o''''clock*'') < 2)", "own": true, "rearm": 0.2, "unless": "(count(rain, over=board) >= 1 | max(rain) >= 3)", "when": "strength(lead) >= 0.5"}, {"name": "warm", "only_if": null, "own": false, "rearm": null, "unless": "(count(rain, over=board) >= 1 | max(rain) >= 3)", "when": "total(lead) >= 2 & max(reply) >= 1"}, {"name": "many", "only_if": null, "own": false, "rearm": null, "unless": "(count(rain, over=board) >= 1 | max(rain) >= 3)", "when": "count(lead, reply, over=board) >= 40"}], "writes": ["reply", "slot"]}, "warden": {"formerly": null, "name": "warden", "reads": [], "settings": {"batch": null, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "concurrency": 1, "gather": "0s", "give_up_after": null, "hourly_limit": null, "lane": "direct", "lane_below": null, "max_attempts": 1, "max_depth": 25, "max_marks": 1000, "max_payload": 262144, "max_tokens": null, "max_total": 4194304, "model": null, "models": [], "on_unknown": "retry", "rest": "0s", "rest_after_failures": 5, "rest_per": "agent", "retry_after": "10s", "timeout": "10m", "urgency": null, "when_faded": "keep"}, "watches": [{"name": "cold", "only_if": "(count(reply) >= 1)", "own": false, "rearm": null, "unless": null, "when": "strength(lead) < 0.4"}], "writes": []}}, "budget": {"calls_per_activation": null, "calls_per_day": null, "calls_per_hour": null, "mode": "hold", "usd_per_activation": null, "usd_per_day": null, "usd_per_hour": null}, "kinds": {"decision": {"cap": null, "decay": {"law": "never"}, "floor": 0.01, "joins": "separate", "model": "blackboard.marks:Decision", "payload": {"additionalProperties": false, "description": "What was decided about a subject, by a person or by an agent that may.", "properties": {"answer": {"title": "Answer", "type": "string"}, "need": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null, "title": "Need"}, "question": {"default": "", "title": "Question", "type": "string"}}, "required": ["answer"], "title": "Decision", "type": "object"}, "unique": null, "weight": 1.0}, "lead": {"cap": null, "decay": {"law": "linear", "lifetime": "9h"}, "floor": 0.02, "joins": "separate", "model": "__main__:Lead", "payload": {"additionalProperties": false, "properties": {"message": {"default": "", "title": "Message", "type": "string"}}, "required": [], "title": "Lead", "type": "object"}, "unique": null, "weight": 1.0}, "need": {"cap": null, "decay": {"law": "never"}, "floor": 0.01, "joins": "separate", "model": "blackboard.marks:Need", "payload": {"additionalProperties": false, "description": "Something that a person must decide. It does not fade; `blackboard inbox` shows it.", "properties": {"detail": {"default": "", "title": "Detail", "type": "string"}, "options": {"items": {"type": "string"}, "title": "Options", "type": "array"}, "question": {"title": "Question", "type": "string"}}, "required": ["question"], "title": "Need", "type": "object"}, "unique": null, "weight": 1.0}, "rain": {"cap": null, "decay": {"lasting": "30m", "law": "step"}, "floor": 0.01, "joins": "replace", "model": "__main__:Rain", "payload": {"additionalProperties": false, "properties": {}, "required": [], "title": "Rain", "type": "object"}, "unique": null, "weight": 1.0}, "reply": {"cap": 3.0, "decay": {"half_life": "1h", "law": "exponential"}, "floor": 0.03, "joins": "add", "model": "__main__:Reply", "payload": {"additionalProperties": false, "properties": {"text": {"default": "", "title": "Text", "type": "string"}}, "required": [], "title": "Reply", "type": "object"}, "unique": null, "weight": 1.0}, "slot": {"cap": null, "decay": {"lasting": "5d", "law": "step"}, "floor": 0.01, "joins": "separate", "model": "__main__:Slot", "payload": {"additionalProperties": false, "properties": {"at": {"title": "At", "type": "string"}}, "required": ["at"], "title": "Slot", "type": "object"}, "unique": "at", "weight": 1.0}}, "trust": {}}');
CREATE TABLE deposit_key (
	"key" TEXT NOT NULL, 
	mark_id INTEGER NOT NULL, 
	event_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID

;
INSERT INTO "deposit_key" VALUES('blackboard/aside/7',16,16,1767604680000000);
INSERT INTO "deposit_key" VALUES('key-0',1,1,1767603600000000);
INSERT INTO "deposit_key" VALUES('key-1',2,2,1767603610000000);
INSERT INTO "deposit_key" VALUES('key-2',3,3,1767603620000000);
INSERT INTO "deposit_key" VALUES('key-3',4,4,1767603630000000);
INSERT INTO "deposit_key" VALUES('key-4',5,5,1767603640000000);
INSERT INTO "deposit_key" VALUES('key-5',6,6,1767603650000000);
CREATE TABLE event (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	mark_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	event TEXT NOT NULL, 
	intensity FLOAT NOT NULL, 
	law TEXT NOT NULL, 
	evaporates_at BIGINT, 
	author TEXT NOT NULL, 
	activation_id INTEGER, 
	payload TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "event" VALUES(1,1767603600000000,1,'lead','lead/0','deposited',0.6,'exponential(half_life=2h)',1767638929612289,'person:ada',NULL,'{"message":"enquiry 0"}');
INSERT INTO "event" VALUES(2,1767603610000000,2,'lead','lead/1','deposited',0.8,'exponential(half_life=2h)',1767641927882284,'person:ada',NULL,'{"message":"enquiry 1"}');
INSERT INTO "event" VALUES(3,1767603620000000,3,'lead','lead/2','deposited',1.0,'exponential(half_life=2h)',1767644255764567,'person:ada',NULL,'{"message":"enquiry 2"}');
INSERT INTO "event" VALUES(4,1767603630000000,4,'lead','lead/3','deposited',1.2,'exponential(half_life=2h)',1767646159612289,'person:ada',NULL,'{"message":"enquiry 3"}');
INSERT INTO "event" VALUES(5,1767603640000000,5,'lead','lead/4','deposited',1.4,'exponential(half_life=2h)',1767647770837723,'person:ada',NULL,'{"message":"enquiry 4"}');
INSERT INTO "event" VALUES(6,1767603650000000,6,'lead','lead/5','deposited',1.6,'exponential(half_life=2h)',1767649167882284,'person:ada',NULL,'{"message":"enquiry 5"}');
INSERT INTO "event" VALUES(7,1767604020000000,7,'reply','lead/5','deposited',1.0,'exponential(half_life=1h)',1767627937882284,'sales',1,'{"text":"hello"}');
INSERT INTO "event" VALUES(8,1767604020000000,8,'slot','office','deposited',1.0,'step(lasting=5d)',1768036020000000,'sales',1,'{"at":"9:00"}');
INSERT INTO "event" VALUES(9,1767604020000000,9,'lead','lead/5','deposited',2.0,'exponential(half_life=2h)',1767651855764567,'person:ada',NULL,'{"message":"again"}');
INSERT INTO "event" VALUES(10,1767604020000000,10,'lead','lead/paid','deposited',3.0,'exponential(half_life=2h)',1767656067494572,'person:ada',NULL,'{"message":"paid"}');
INSERT INTO "event" VALUES(11,1767604020000000,11,'reply','lead/paid','deposited',0.4,'exponential(half_life=1h)',1767623178941142,'sales',3,'{"text":"answered"}');
INSERT INTO "event" VALUES(12,1767604020000000,12,'lead','lead/lost','deposited',3.0,'exponential(half_life=2h)',1767656067494572,'person:ada',NULL,'{"message":"lost"}');
INSERT INTO "event" VALUES(13,1767604020000000,13,'lead','lead/batch','deposited',3.0,'exponential(half_life=2h)',1767656067494572,'person:ada',NULL,'{"message":"batch"}');
INSERT INTO "event" VALUES(14,1767604020000000,14,'reply','a','deposited',2.0,'exponential(half_life=1h)',1767631537882284,'person:ada',NULL,'{"text":"x"}');
INSERT INTO "event" VALUES(15,1767604680000000,15,'reply','b','deposited',2.0,'exponential(half_life=1h)',1767632197882284,'person:ada',NULL,'{"text":"y"}');
INSERT INTO "event" VALUES(16,1767604680000000,16,'need','agent/clerk','deposited',1.0,'never',NULL,'blackboard',NULL,'{"question":"clerk was woken 1 times within an hour (hourly_limit = 1). Shall it go on?","options":["retry","discard"],"detail":"Its marks are set aside: ''blackboard activations --state aside'' lists them, and --retry ID or --discard ID decides."}');
INSERT INTO "event" VALUES(17,1767611880000000,17,'lead','lead/split','deposited',0.9,'exponential(half_life=2h)',1767651421342294,'person:ada',NULL,'{"message":"0"}');
INSERT INTO "event" VALUES(18,1767611880000000,18,'lead','lead/split','deposited',0.9,'exponential(half_life=2h)',1767651421342294,'person:ada',NULL,'{"message":"1"}');
INSERT INTO "event" VALUES(19,1767611880000000,19,'lead','lead/split','deposited',0.9,'exponential(half_life=2h)',1767651421342294,'person:ada',NULL,'{"message":"2"}');
INSERT INTO "event" VALUES(20,1767612240000000,20,'lead','lead/rest','deposited',3.0,'exponential(half_life=2h)',1767664287494572,'person:ada',NULL,'{"message":"one"}');
INSERT INTO "event" VALUES(21,1767612240000000,21,'lead','lead/rest','deposited',3.0,'exponential(half_life=2h)',1767664287494572,'person:ada',NULL,'{"message":"two"}');
CREATE TABLE fall (
	watch_id INTEGER NOT NULL, 
	subject TEXT NOT NULL, 
	mark_id INTEGER NOT NULL, 
	due_at BIGINT, 
	PRIMARY KEY (watch_id, subject, mark_id)
)
 WITHOUT ROWID

;
INSERT INTO "fall" VALUES(4,'lead/2',3,1767613137882284);
INSERT INTO "fall" VALUES(4,'lead/3',4,1767615041730006);
INSERT INTO "fall" VALUES(4,'lead/4',5,1767616652955439);
INSERT INTO "fall" VALUES(4,'lead/5',6,1767618050000001);
INSERT INTO "fall" VALUES(4,'lead/split',17,1767620303460011);
INSERT INTO "fall" VALUES(4,'lead/split',18,1767620303460011);
INSERT INTO "fall" VALUES(4,'lead/split',19,1767620303460011);
INSERT INTO "fall" VALUES(4,'lead/5',9,1767620737882284);
INSERT INTO "fall" VALUES(4,'lead/batch',13,1767624949612289);
INSERT INTO "fall" VALUES(4,'lead/lost',12,1767624949612289);
INSERT INTO "fall" VALUES(4,'lead/paid',10,1767624949612289);
INSERT INTO "fall" VALUES(4,'lead/rest',20,1767633169612289);
INSERT INTO "fall" VALUES(4,'lead/rest',21,1767633169612289);
CREATE TABLE follow_up (
	id INTEGER NOT NULL, 
	sort TEXT NOT NULL, 
	name TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	upto INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "follow_up" VALUES(1,'law','lead exponential(half_life=2h)',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(2,'floor','reply',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(3,'values','6',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(4,'values','5',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(5,'values','1',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(6,'values','2',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(7,'values','3',1767612240000001,21,0);
INSERT INTO "follow_up" VALUES(8,'values','4',1767612240000001,21,0);
CREATE TABLE kind (
	name TEXT NOT NULL, 
	weight FLOAT NOT NULL, 
	floor FLOAT NOT NULL, 
	law TEXT NOT NULL, 
	PRIMARY KEY (name), 
	FOREIGN KEY(law) REFERENCES law (law)
);
INSERT INTO "kind" VALUES('lead',1.0,0.02,'linear(lifetime=9h)');
INSERT INTO "kind" VALUES('rain',1.0,0.01,'step(lasting=30m)');
INSERT INTO "kind" VALUES('reply',1.0,0.03,'exponential(half_life=1h)');
INSERT INTO "kind" VALUES('slot',1.0,0.01,'step(lasting=5d)');
INSERT INTO "kind" VALUES('need',1.0,0.01,'never');
INSERT INTO "kind" VALUES('decision',1.0,0.01,'never');
CREATE TABLE law (
	law TEXT NOT NULL, 
	name TEXT NOT NULL, 
	a FLOAT NOT NULL, 
	b FLOAT NOT NULL, 
	spec TEXT NOT NULL, 
	PRIMARY KEY (law)
);
INSERT INTO "law" VALUES('exponential(half_life=2h)','exponential',7200000000.0,0.0,'{"law": "exponential", "half_life": "2h"}');
INSERT INTO "law" VALUES('step(lasting=30m)','step',1800000000.0,0.0,'{"law": "step", "lasting": "30m"}');
INSERT INTO "law" VALUES('exponential(half_life=1h)','exponential',3600000000.0,0.0,'{"law": "exponential", "half_life": "1h"}');
INSERT INTO "law" VALUES('step(lasting=5d)','step',432000000000.0,0.0,'{"law": "step", "lasting": "5d"}');
INSERT INTO "law" VALUES('never','never',0.0,0.0,'{"law": "never"}');
INSERT INTO "law" VALUES('linear(lifetime=9h)','linear',32400000000.0,0.0,'{"law": "linear", "lifetime": "9h"}');
CREATE TABLE law_segment (
	law TEXT NOT NULL, 
	age BIGINT NOT NULL, 
	share FLOAT NOT NULL, 
	slope FLOAT NOT NULL, 
	PRIMARY KEY (law, age), 
	FOREIGN KEY(law) REFERENCES law (law)
);
CREATE TABLE mark (
	id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	author TEXT NOT NULL, 
	intensity FLOAT NOT NULL, 
	law TEXT NOT NULL, 
	anchored_at BIGINT NOT NULL, 
	event_id INTEGER NOT NULL, 
	deposited_at BIGINT NOT NULL, 
	reinforced_at BIGINT NOT NULL, 
	reinforcements INTEGER NOT NULL, 
	evaporates_at BIGINT, 
	order_key FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(kind) REFERENCES kind (name)
);
INSERT INTO "mark" VALUES(1,'lead','lead/0','{"message":"enquiry 0"}','person:ada',0.6,'exponential(half_life=2h)',1767603600000000,1,1767603600000000,1767603600000000,0,1767638929612289,2.4549976303440582705e+05);
INSERT INTO "mark" VALUES(2,'lead','lead/1','{"message":"enquiry 1"}','person:ada',0.8,'exponential(half_life=2h)',1767603610000000,2,1767603610000000,1767603610000000,0,1767641927882284,245500.179460794);
INSERT INTO "mark" VALUES(3,'lead','lead/2','{"message":"enquiry 2"}','person:ada',1.0,'exponential(half_life=2h)',1767603620000000,3,1767603620000000,1767603620000000,0,1767644255764567,2.45500502777777786841e+05);
INSERT INTO "mark" VALUES(4,'lead','lead/3','{"message":"enquiry 3"}','person:ada',1.2,'exponential(half_life=2h)',1767603630000000,4,1767603630000000,1767603630000000,0,1767646159612289,2.45500767201072507312e+05);
INSERT INTO "mark" VALUES(5,'lead','lead/4','{"message":"enquiry 4"}','person:ada',1.4,'exponential(half_life=2h)',1767603640000000,5,1767603640000000,1767603640000000,0,1767647770837723,2.45500990982382703798e+05);
INSERT INTO "mark" VALUES(6,'lead','lead/5','{"message":"enquiry 5"}','person:ada',1.6,'exponential(half_life=2h)',1767603650000000,6,1767603650000000,1767603650000000,0,1767649167882284,2.45501185016349540084e+05);
INSERT INTO "mark" VALUES(7,'reply','lead/5','{"text":"hello"}','sales',1.0,'exponential(half_life=1h)',1767604020000000,7,1767604020000000,1767604020000000,0,1767627937882284,4.91001116666666639508e+05);
INSERT INTO "mark" VALUES(8,'slot','office','{"at":"9:00"}','sales',1.0,'step(lasting=5d)',1767604020000000,8,1767604020000000,1767604020000000,0,1768036020000000,0.0);
INSERT INTO "mark" VALUES(9,'lead','lead/5','{"message":"again"}','person:ada',2.0,'exponential(half_life=2h)',1767604020000000,9,1767604020000000,1767604020000000,0,1767651855764567,2.45501558333333319756e+05);
INSERT INTO "mark" VALUES(10,'lead','lead/paid','{"message":"paid"}','person:ada',3.0,'exponential(half_life=2h)',1767604020000000,10,1767604020000000,1767604020000000,0,1767656067494572,2.4550214329583404469e+05);
INSERT INTO "mark" VALUES(11,'reply','lead/paid','{"text":"answered"}','sales',0.4,'exponential(half_life=1h)',1767604020000000,11,1767604020000000,1767604020000000,0,1767623178941142,4.90999794738571741607e+05);
INSERT INTO "mark" VALUES(12,'lead','lead/lost','{"message":"lost"}','person:ada',3.0,'exponential(half_life=2h)',1767604020000000,12,1767604020000000,1767604020000000,0,1767656067494572,2.4550214329583404469e+05);
INSERT INTO "mark" VALUES(13,'lead','lead/batch','{"message":"batch"}','person:ada',3.0,'exponential(half_life=2h)',1767604020000000,13,1767604020000000,1767604020000000,0,1767656067494572,2.4550214329583404469e+05);
INSERT INTO "mark" VALUES(14,'reply','a','{"text":"x"}','person:ada',2.0,'exponential(half_life=1h)',1767604020000000,14,1767604020000000,1767604020000000,0,1767631537882284,4.9100211666666663951e+05);
INSERT INTO "mark" VALUES(15,'reply','b','{"text":"y"}','person:ada',2.0,'exponential(half_life=1h)',1767604680000000,15,1767604680000000,1767604680000000,0,1767632197882284,491002.3);
INSERT INTO "mark" VALUES(16,'need','agent/clerk','{"question":"clerk was woken 1 times within an hour (hourly_limit = 1). Shall it go on?","options":["retry","discard"],"detail":"Its marks are set aside: ''blackboard activations --state aside'' lists them, and --retry ID or --discard ID decides."}','blackboard',1.0,'never',1767604680000000,16,1767604680000000,1767604680000000,0,NULL,0.0);
INSERT INTO "mark" VALUES(17,'lead','lead/split','{"message":"0"}','person:ada',0.9,'exponential(half_life=2h)',1767611880000000,17,1767611880000000,1767611880000000,0,1767651421342294,2.45501497996906546173e+05);
INSERT INTO "mark" VALUES(18,'lead','lead/split','{"message":"1"}','person:ada',0.9,'exponential(half_life=2h)',1767611880000000,18,1767611880000000,1767611880000000,0,1767651421342294,2.45501497996906546173e+05);
INSERT INTO "mark" VALUES(19,'lead','lead/split','{"message":"2"}','person:ada',0.9,'exponential(half_life=2h)',1767611880000000,19,1767611880000000,1767611880000000,0,1767651421342294,2.45501497996906546173e+05);
INSERT INTO "mark" VALUES(20,'lead','lead/rest','{"message":"one"}','person:ada',3.0,'exponential(half_life=2h)',1767612240000000,20,1767612240000000,1767612240000000,0,1767664287494572,2.45503284962500736583e+05);
INSERT INTO "mark" VALUES(21,'lead','lead/rest','{"message":"two"}','person:ada',3.0,'exponential(half_life=2h)',1767612240000000,21,1767612240000000,1767612240000000,0,1767664287494572,2.45503284962500736583e+05);
CREATE TABLE model_call (
	id INTEGER NOT NULL, 
	activation_id INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	model TEXT NOT NULL, 
	lane TEXT NOT NULL, 
	state TEXT NOT NULL, 
	body TEXT NOT NULL, 
	marks INTEGER NOT NULL, 
	planned_at BIGINT NOT NULL, 
	sent_at BIGINT, 
	answered_at BIGINT, 
	applied_at BIGINT, 
	reserved BIGINT NOT NULL, 
	reply TEXT, 
	request_id TEXT, 
	custom_id TEXT, 
	submission INTEGER, 
	batch_id TEXT, 
	input_tokens INTEGER, 
	cache_read_tokens INTEGER, 
	cache_write_tokens INTEGER, 
	output_tokens INTEGER, 
	cost BIGINT, 
	direct_cost BIGINT, 
	error TEXT, 
	would_hold TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "model_call" VALUES(1,3,'sales','claude-haiku-5-5','direct','applied','{"max_tokens": 10}',1,1767604020000000,1767604020000000,1767604020000000,1767604020000000,0,'{}','req_1',NULL,NULL,NULL,100,0,0,20,500,500,NULL,NULL);
INSERT INTO "model_call" VALUES(2,4,'sales','claude-haiku-5-5','direct','settled','{"max_tokens": 10}',1,1767604020000000,1767604020000000,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2000,2000,'nobody knows',NULL);
INSERT INTO "model_call" VALUES(3,5,'sales','claude-haiku-5-5','batch','planned','{"max_tokens": 10}',1,1767604020000000,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE rest (
	agent TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	until BIGINT NOT NULL, 
	PRIMARY KEY (agent, subject)
)
 WITHOUT ROWID

;
INSERT INTO "rest" VALUES('sales','lead/1',1767607620000000);
INSERT INTO "rest" VALUES('sales','lead/2',1767607620000000);
INSERT INTO "rest" VALUES('sales','lead/3',1767607620000000);
INSERT INTO "rest" VALUES('sales','lead/4',1767607620000000);
INSERT INTO "rest" VALUES('sales','lead/5',1767615840000000);
INSERT INTO "rest" VALUES('sales','lead/paid',1767607620000000);
INSERT INTO "rest" VALUES('sales','lead/rest',1767615840000000);
INSERT INTO "rest" VALUES('sales','lead/split',1767615840000000);
CREATE TABLE succession (
	kind TEXT NOT NULL, 
	law TEXT NOT NULL, 
	successor TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (kind, law), 
	FOREIGN KEY(kind) REFERENCES kind (name), 
	FOREIGN KEY(law) REFERENCES law (law), 
	FOREIGN KEY(successor) REFERENCES law (law)
);
INSERT INTO "succession" VALUES('lead','exponential(half_life=2h)','linear(lifetime=9h)',1767612240000001);
INSERT INTO "succession" VALUES('reply','exponential(half_life=1h)','exponential(half_life=1h)',1767612240000001);
CREATE TABLE unique_value (
	kind TEXT NOT NULL, 
	value TEXT NOT NULL, 
	mark_id INTEGER NOT NULL, 
	PRIMARY KEY (kind, value)
)
 WITHOUT ROWID

;
INSERT INTO "unique_value" VALUES('slot','9:00',8);
CREATE TABLE watch (
	id INTEGER NOT NULL, 
	agent TEXT NOT NULL, 
	name TEXT NOT NULL, 
	condition TEXT NOT NULL, 
	active INTEGER NOT NULL, 
	watermark INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "watch" VALUES(1,'sales','new','strength(lead) >= 0.5',1,0);
INSERT INTO "watch" VALUES(2,'sales','warm','total(lead) >= 2 & max(reply) >= 1',1,0);
INSERT INTO "watch" VALUES(3,'sales','many','count(lead, reply, over=board) >= 40',1,0);
INSERT INTO "watch" VALUES(4,'warden','cold','strength(lead) < 0.4',1,0);
INSERT INTO "watch" VALUES(5,'clerk','watch','strength(reply) >= 0.5',1,0);
INSERT INTO "watch" VALUES(6,'analyst','watch','total(reply, over=board) >= 100',1,0);
CREATE TABLE worker (
	id TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_absorbed_mark_id ON absorbed (mark_id);
CREATE INDEX ix_activation_agent_created_at ON activation (agent, created_at);
CREATE INDEX ix_activation_finished_at ON activation (finished_at);
CREATE INDEX ix_activation_open ON activation (state, agent, retry_at) WHERE state IN ('ready', 'running', 'held', 'dead', 'aside');
CREATE INDEX ix_activation_mark_mark_id ON activation_mark (mark_id);
CREATE INDEX ix_crossing_activation ON crossing (activation_id);
CREATE INDEX ix_crossing_order ON crossing (watch_id, law, order_key) WHERE state = 'waiting';
CREATE INDEX ix_crossing_ready ON crossing (watch_id, ready_at) WHERE state = 'waiting';
CREATE INDEX ix_crossing_subject ON crossing (subject);
CREATE UNIQUE INDEX uq_crossing_waiting ON crossing (watch_id, subject, mark_id) WHERE state = 'waiting';
CREATE INDEX ix_event_activation_id ON event (activation_id) WHERE activation_id IS NOT NULL;
CREATE INDEX ix_event_subject_mark_id_id ON event (subject, mark_id, id);
CREATE INDEX ix_fall_due_at ON fall (due_at);
CREATE INDEX ix_fall_mark_id ON fall (mark_id);
CREATE INDEX ix_model_call_activation_id ON model_call (activation_id);
CREATE INDEX ix_model_call_spent ON model_call (sent_at, state, cost, reserved);
CREATE INDEX ix_model_call_agent_spent ON model_call (agent, sent_at, state, cost, reserved);
CREATE INDEX ix_model_call_open ON model_call (state, lane) WHERE state IN ('planned', 'sent', 'answered', 'unknown');
CREATE INDEX ix_unique_value_mark_id ON unique_value (mark_id);
CREATE UNIQUE INDEX uq_watch_agent_name ON watch (agent, name);
CREATE INDEX ix_mark_evaporates_at ON mark (evaporates_at);
CREATE INDEX ix_mark_kind_event_id ON mark (kind, event_id);
CREATE INDEX ix_mark_kind_law_order_key ON mark (kind, law, order_key);
CREATE INDEX ix_mark_kind_subject ON mark (kind, subject);
CREATE INDEX ix_activation_split_from ON activation (split_from) WHERE split_from IS NOT NULL;
CREATE VIEW live_marks AS WITH clock AS MATERIALIZED 
(SELECT CASE WHEN CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(round(substr(strftime('%f', 'now'), 4) * 1000) AS INTEGER) - max(b.recorded_at, coalesce((SELECT e.at FROM event e ORDER BY e.id DESC LIMIT 1), 0)) > 31536000000000 THEN max(b.recorded_at, coalesce((SELECT e.at FROM event e ORDER BY e.id DESC LIMIT 1), 0)) ELSE max(CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(round(substr(strftime('%f', 'now'), 4) * 1000) AS INTEGER), max(b.recorded_at, coalesce((SELECT e.at FROM event e ORDER BY e.id DESC LIMIT 1), 0))) END AS as_of 
FROM board b WHERE b.id = 1)
 SELECT live.id, live.kind, live.subject, live.payload, live.author, live.weight, live.intensity, live.strength, live.law, live.order_key, (strftime('%Y-%m-%dT%H:%M:%S', live.deposited_at / 1000000, 'unixepoch') || printf('.%06dZ', live.deposited_at % 1000000)) AS deposited_at, (strftime('%Y-%m-%dT%H:%M:%S', live.reinforced_at / 1000000, 'unixepoch') || printf('.%06dZ', live.reinforced_at % 1000000)) AS reinforced_at, (strftime('%Y-%m-%dT%H:%M:%S', live.evaporates_at / 1000000, 'unixepoch') || printf('.%06dZ', live.evaporates_at % 1000000)) AS evaporates_at, (strftime('%Y-%m-%dT%H:%M:%S', live.as_of / 1000000, 'unixepoch') || printf('.%06dZ', live.as_of % 1000000)) AS as_of, CASE WHEN (live.reinforced_at < live.as_of) THEN (live.as_of - live.reinforced_at) * 1e-06 ELSE 0.0 END AS age_seconds, live.reinforcements 
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength 
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1 
FROM law_segment AS law_segment_1 
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
 LIMIT 1 OFFSET 0) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1 
FROM law_segment AS law_segment_1 
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
 LIMIT 1 OFFSET 0) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2 
FROM law_segment AS law_segment_2 
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
 LIMIT 1 OFFSET 0) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share 
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < succession.at AND succession.at <= clock.as_of AND succession.successor != mark.law) THEN succession.at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < succession.at AND succession.at <= clock.as_of AND succession.successor != mark.law) THEN succession.at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < succession.at AND succession.at <= clock.as_of AND succession.successor != mark.law) THEN CASE WHEN (succession.at < clock.as_of) THEN CAST(clock.as_of - succession.at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < succession.at AND succession.at <= clock.as_of) THEN succession.at END AS changed_at 
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN succession ON succession.kind = mark.kind AND succession.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = succession.successor JOIN clock ON 1 = 1) AS dated) AS faded 
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live;
CREATE VIEW mark_history AS 
SELECT e.id, strftime('%Y-%m-%dT%H:%M:%S', e.at / 1000000, 'unixepoch') || printf('.%06dZ', e.at % 1000000) AS at, e.mark_id, e.kind, e.subject, e.event, e.intensity, e.author,
  e.activation_id, e.payload
FROM event e;
CREATE VIEW agenda AS 
SELECT c.id, w.agent, w.name AS watch, nullif(c.subject, '') AS subject, nullif(c.mark_id, 0) AS mark_id,
  'waiting' AS state, w.condition || ': ' || CAST(c.value AS TEXT) AS reason, c.value, c.threshold, strftime('%Y-%m-%dT%H:%M:%S', c.crossed_at / 1000000, 'unixepoch') || printf('.%06dZ', c.crossed_at % 1000000) AS crossed_at, strftime('%Y-%m-%dT%H:%M:%S', c.noticed_at / 1000000, 'unixepoch') || printf('.%06dZ', c.noticed_at % 1000000) AS noticed_at, strftime('%Y-%m-%dT%H:%M:%S', c.ready_at / 1000000, 'unixepoch') || printf('.%06dZ', c.ready_at % 1000000) AS ready_at,
  coalesce(c.held, (SELECT max(a.error) FROM activation a
    WHERE a.state IN ('ready', 'running', 'held', 'dead', 'aside') AND a.state = 'held' AND a.agent = w.agent AND a.retry_at IS NOT NULL AND a.watch_id = w.id)) AS held
FROM crossing c JOIN watch w ON w.id = c.watch_id WHERE c.state = 'waiting' UNION ALL 
SELECT c.id, w.agent, w.name AS watch, nullif(c.subject, '') AS subject, nullif(c.mark_id, 0) AS mark_id,
  'put back' AS state, w.condition || ': ' || CAST(c.value AS TEXT) AS reason, c.value, c.threshold, strftime('%Y-%m-%dT%H:%M:%S', c.crossed_at / 1000000, 'unixepoch') || printf('.%06dZ', c.crossed_at % 1000000) AS crossed_at, strftime('%Y-%m-%dT%H:%M:%S', c.noticed_at / 1000000, 'unixepoch') || printf('.%06dZ', c.noticed_at % 1000000) AS noticed_at, strftime('%Y-%m-%dT%H:%M:%S', a.retry_at / 1000000, 'unixepoch') || printf('.%06dZ', a.retry_at % 1000000) AS ready_at,
  a.error AS held
FROM activation a JOIN crossing c ON c.activation_id = a.id JOIN watch w ON w.id = c.watch_id WHERE a.state IN ('ready', 'running', 'held', 'dead', 'aside') AND a.state IN ('ready', 'held') AND c.state = 'claimed';
CREATE VIEW activations AS 
SELECT a.id, a.agent, w.name AS watch, a.subject, a.state, a.reason, strftime('%Y-%m-%dT%H:%M:%S', a.crossed_at / 1000000, 'unixepoch') || printf('.%06dZ', a.crossed_at % 1000000) AS crossed_at,
  strftime('%Y-%m-%dT%H:%M:%S', a.started_at / 1000000, 'unixepoch') || printf('.%06dZ', a.started_at % 1000000) AS started_at, strftime('%Y-%m-%dT%H:%M:%S', a.finished_at / 1000000, 'unixepoch') || printf('.%06dZ', a.finished_at % 1000000) AS finished_at, a.attempt, a.error, a.marks_absorbed,
  a.marks_left, strftime('%Y-%m-%dT%H:%M:%S', a.retry_at / 1000000, 'unixepoch') || printf('.%06dZ', a.retry_at % 1000000) AS retry_at, a.interruptions, a.depth, a.worker
FROM activation a JOIN watch w ON w.id = a.watch_id;
CREATE VIEW provenance AS 
SELECT e.mark_id, e.activation_id, g.mark_id AS parent_mark_id
FROM event e JOIN activation_mark g ON g.activation_id = e.activation_id
WHERE e.activation_id IS NOT NULL AND e.event IN ('deposited', 'reinforced');
CREATE VIEW model_calls AS 
SELECT m.id, m.activation_id, m.agent, m.model, m.lane, m.state, m.marks, m.input_tokens, m.cache_read_tokens,
  m.cache_write_tokens, m.output_tokens, m.cost / 1000000.0 AS cost_usd, m.reserved / 1000000.0 AS reserved_usd,
  strftime('%Y-%m-%dT%H:%M:%S', m.planned_at / 1000000, 'unixepoch') || printf('.%06dZ', m.planned_at % 1000000) AS planned_at, strftime('%Y-%m-%dT%H:%M:%S', m.sent_at / 1000000, 'unixepoch') || printf('.%06dZ', m.sent_at % 1000000) AS sent_at, strftime('%Y-%m-%dT%H:%M:%S', m.answered_at / 1000000, 'unixepoch') || printf('.%06dZ', m.answered_at % 1000000) AS answered_at,
  strftime('%Y-%m-%dT%H:%M:%S', m.applied_at / 1000000, 'unixepoch') || printf('.%06dZ', m.applied_at % 1000000) AS applied_at, (m.answered_at - m.sent_at) / 1000000.0 AS latency_seconds, m.request_id,
  m.batch_id, m.error, m.would_hold
FROM model_call m;
CREATE VIEW costs AS 
SELECT c.day, c.agent, c.calls, c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens,
  c.cost / 1000000.0 AS usd, c.marks_left, c.cost / 1000000.0 / nullif(c.marks_left, 0) AS usd_per_mark,
  c.cache_read_tokens * 1.0 / nullif(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens, 0)
    AS share_from_cache,
  c.direct / 1000000.0 AS usd_direct, c.unknown, c.reserved / 1000000.0 AS usd_reserved
FROM (
  SELECT date(m.sent_at / 1000000, 'unixepoch') AS day, m.agent, count(*) AS calls,
    sum(coalesce(m.input_tokens, 0)) AS input_tokens, sum(coalesce(m.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(coalesce(m.cache_write_tokens, 0)) AS cache_write_tokens, sum(coalesce(m.output_tokens, 0)) AS output_tokens,
    sum(coalesce(m.cost, 0)) AS cost, sum(coalesce(m.direct_cost, 0)) AS direct,
    sum(CASE WHEN m.state = 'applied' THEN a.marks_left ELSE 0 END) AS marks_left,
    sum(CASE WHEN m.state = 'unknown' THEN 1 ELSE 0 END) AS unknown, sum(m.reserved) AS reserved
  FROM model_call m JOIN activation a ON a.id = m.activation_id
  WHERE m.sent_at IS NOT NULL AND m.state <> 'failed'
  GROUP BY 1, 2
) c;
COMMIT;
