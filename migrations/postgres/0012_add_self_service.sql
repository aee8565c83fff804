CREATE TABLE "pending_contacts" (
	"person_id" text NOT NULL,
	"kind" text NOT NULL,
	"value" text NOT NULL,
	"token_hash" text,
	"expires_at" bigint,
	"created_at" bigint NOT NULL,
	CONSTRAINT "pending_contacts_pk" PRIMARY KEY("person_id","kind")
);
--> statement-breakpoint
CREATE TABLE "used_challenges" (
	"id_hash" text PRIMARY KEY NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "pending_contacts" ADD CONSTRAINT "pending_contacts_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "pending_contacts_expires_idx" ON "pending_contacts" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "used_challenges_expires_idx" ON "used_challenges" USING btree ("expires_at");